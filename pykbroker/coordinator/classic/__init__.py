"""Groups of the classic protocol: members choose a leader, and the leader assigns."""
