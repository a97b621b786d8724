help:
	@echo "make help"
