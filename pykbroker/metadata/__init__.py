"""What the cluster is: an image folded from a store's events."""
