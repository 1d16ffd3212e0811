"""Checkpoints of the authors' released program."""
