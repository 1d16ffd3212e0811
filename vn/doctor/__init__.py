"""Checks data folders and run folders for damage."""
