"""Models that are asked in words, and perhaps shown frames of a video: an OpenAI-compatible endpoint, or one in this process."""
