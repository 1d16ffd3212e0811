"""Files: written atomically, read with clear errors, hashed, locked."""
