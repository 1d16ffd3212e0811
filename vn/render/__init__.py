"""``vn render``: a story as a video that speaks, with a page and files for video editors."""
