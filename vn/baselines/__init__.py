"""The other systems of the paper's tables: they write the same files as our narrator."""
