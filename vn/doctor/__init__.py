"""What is damaged in a data folder or a run folder, found and named."""
