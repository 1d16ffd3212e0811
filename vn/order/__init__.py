"""Clips that were recorded in any order are put into the order of a story (paper, appendix A.5)."""
