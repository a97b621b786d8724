"""Sockets to the table of handlers and back."""
