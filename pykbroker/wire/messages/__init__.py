"""One module per API: its requests and responses in every version."""
