"""Compacting logs: which, what of them, and how the result takes their place."""
