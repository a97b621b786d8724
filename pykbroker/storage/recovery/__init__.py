"""Opening what a crash left: how far it is whole, and what anything else means."""
