"""A rendered story as files that video editors open."""
