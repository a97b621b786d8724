"""The rows of the table of properties, by subject; `pykbroker.config.table` puts them together."""
