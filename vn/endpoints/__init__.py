"""Models that are asked in words, and perhaps shown frames: an OpenAI-compatible endpoint, or one in this process."""
