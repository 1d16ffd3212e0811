"""What every run folder has, whoever writes it: parts that are kept, metrics, W&B's copy, and how a process ends."""
