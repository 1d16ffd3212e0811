"""Scores of a whole test: what the metrics of `vn.metrics` say of predictions and stories."""
