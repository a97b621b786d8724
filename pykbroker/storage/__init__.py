"""Files to partition logs and back; synchronous, one partition at a time."""
