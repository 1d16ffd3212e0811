"""The ``story.json`` of ``vn narrate``: its record, and what was edited in it."""
