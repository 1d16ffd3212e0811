"""Generating a story: prompts, key-value cache, labels, narrations of the right length."""
