"""Models that are asked in words, and perhaps shown frames of a video: behind a URL, or in this process."""
