"""What people do beside running a broker: one module per command, imported when asked for."""
