"""From sources to shards, and from shards to batches."""
