"""Sockets → handlers → sockets: listeners, connections, and the limits they keep."""
