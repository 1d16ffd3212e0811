"""Scores of a whole test: the metrics of `vn.metrics`, applied to predictions and stories."""
