"""``vn studio``: stories made and edited in a browser."""
