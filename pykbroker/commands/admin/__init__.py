"""What the commands that talk to a broker share: the wire, the cluster, tables, options."""
