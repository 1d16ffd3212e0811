"""Models that are asked in words, and perhaps with images: an OpenAI-compatible endpoint, or one in this process."""
