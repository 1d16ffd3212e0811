"""Narrations as subtitles."""
