"""Members of groups that come, go, die and sleep under load, and what is checked of them."""
