"""Files: written whole or not at all, read with clear errors, hashed, locked."""
