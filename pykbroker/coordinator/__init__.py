"""Group coordination: the machines behind classic and consumer groups, and their driver."""
