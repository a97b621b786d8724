"""One partition on several brokers; a single broker is the case of one."""
