"""Scores of narrations: pure functions on tokens and labels, one file a metric; `scorecard` puts them together."""
