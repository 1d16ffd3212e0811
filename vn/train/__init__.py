"""Training and testing with Lightning."""
