"""``story.html``: a rendered story as one page that needs no network."""
