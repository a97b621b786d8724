"""Who reads which partition of a consumer group: the server-side assignors of KIP-848. Pure."""
