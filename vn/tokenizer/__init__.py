"""Tokenizers read from a model folder."""
