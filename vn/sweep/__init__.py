"""Runs a W&B sweep file without a server."""
