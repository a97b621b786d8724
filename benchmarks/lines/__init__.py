"""What is measured: a module per kind of load, and the table of lines with their targets."""
