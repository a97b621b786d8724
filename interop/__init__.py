"""Real clients against a running broker, and the matrix they print."""
