"""Scores of narrations: pure functions on tokens and labels, one file per metric; `vn.score` applies them to tests."""
