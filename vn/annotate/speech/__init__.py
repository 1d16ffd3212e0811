"""The speech of a video as words with times, by a recogniser or from subtitles beside it."""
