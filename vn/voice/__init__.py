"""``vn voice``: narrations spoken, in the time of their clips."""
