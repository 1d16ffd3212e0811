"""Texts of raw videos: what is on the screen, what is known of the product, corrected narrations, and their labels."""
