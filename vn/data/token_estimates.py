"""The training cost of videos, estimated from the manifest alone: the order must not depend on a tokenizer."""

from __future__ import annotations

import numpy as np

from vn.data.order import Videos
from vn.data.samples import Samples

# Estimates for the shipped templates; for trunks of 40 real stories they are 0.95 to 1.16 times the true values.
INSTRUCTION_TOKENS = 150
HEADER_TOKENS = 20  # per clip: number, word range and the text before label and narration
WRITTEN_TOKENS = 45  # per clip: label and narration


def estimated_videos(samples: Samples, frame_tokens: int, language: str, shared_frames: int | None = None) -> Videos:
    """Estimated tokens of samples: their text is shared; each clip adds its frames, memory, label and narration.

    Args:
        samples: the samples.
        frame_tokens: tokens per frame.
        language: language of the texts.
        shared_frames: frames of the whole video, which its clips share; None if each clip has its own.
    """
    clips = samples.column("clips").astype(float)
    branch = samples.column("frames") / np.maximum(1, clips)
    branch += 1
    branch *= frame_tokens if shared_frames is None else 0
    branch += HEADER_TOKENS
    branch += WRITTEN_TOKENS
    trunk = samples.column("characters") / (1 if language == "zh" else 4)  # a token is one character of Chinese, or 4
    trunk += INSTRUCTION_TOKENS
    trunk += HEADER_TOKENS * clips
    trunk += frame_tokens * (shared_frames or 0)
    return Videos(samples.column("shard_index"), samples.column("narrated"), branch, trunk)
