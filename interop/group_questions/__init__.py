"""Questions about groups that can be put to any broker; `table` lists them."""
