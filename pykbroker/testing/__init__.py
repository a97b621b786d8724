"""What users import in their tests: a broker in the same process."""
