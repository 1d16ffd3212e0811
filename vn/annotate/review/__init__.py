"""People look at what the stages made: pages, Label Studio, what comes back, and how two reviewers agree."""
