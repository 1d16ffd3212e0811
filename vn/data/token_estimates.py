"""The training cost of a video, estimated from the manifest alone: the order must not depend on a tokenizer."""

from __future__ import annotations

from vn.data.order import Video
from vn.data.shard_entries import SampleEntry

# Estimates for the shipped templates; for trunks of 40 real stories they are 0.95 to 1.16 times the true values.
INSTRUCTION_TOKENS = 150
HEADER_TOKENS = 20  # per clip: number, word range and the text before label and narration
WRITTEN_TOKENS = 45  # per clip: label and narration


def estimated_video(entry: SampleEntry, frame_tokens: int, language: str) -> Video:
    """Estimated tokens of a sample: its text is shared; each clip adds its frames, memory, label and narration."""
    frames = frame_tokens * (1 + entry.frames / max(1, entry.clips))
    text = entry.characters / (1 if language == "zh" else 4)  # a token is one character of Chinese, or four of English
    trunk = INSTRUCTION_TOKENS + text + HEADER_TOKENS * entry.clips
    return Video(entry.shard_index, entry.narrated, frames + HEADER_TOKENS + WRITTEN_TOKENS, trunk)
