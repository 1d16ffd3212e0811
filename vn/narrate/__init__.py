"""``vn narrate``: raw videos to stories and subtitles, and edited stories continued."""
