"""Writing a story: prompts, cache, labels, narrations of the right length."""
