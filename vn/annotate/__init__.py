"""Raw videos to stories to train on: shots, speech, correction, labels, review (paper section 3.2)."""
