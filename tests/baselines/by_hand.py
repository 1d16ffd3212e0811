"""A vision-language model called through transformers alone."""

from __future__ import annotations

from functools import cache

import numpy as np
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor


@cache
def opened(folder):
    return AutoProcessor.from_pretrained(folder), AutoModelForImageTextToText.from_pretrained(folder)


def by_hand(folder, kind, prompt, frames, times, duration, most):
    """transformers called directly: the prompt in the model's turns, and the same frames."""
    processor, model = opened(folder)
    if kind in ("llava", "video_llava"):
        mark = "<image>" if kind == "llava" else "<video>"
        text = f"USER: {mark}\n{prompt} ASSISTANT:"
    else:
        content = [{"type": "video"}, {"type": "text", "text": prompt}]
        text = processor.apply_chat_template([{"role": "user", "content": content}], add_generation_prompt=True)
    if kind == "llava":
        inputs = processor(text=text, images=Image.fromarray(frames[0]), return_tensors="pt")
    elif kind == "video_llava":
        inputs = processor(text=text, videos=np.stack(frames), return_tensors="pt")
    else:
        rate = 1000
        metadata = {
            "total_num_frames": int(duration * rate),
            "fps": rate,
            "duration": duration,
            "frames_indices": [int(t * rate) for t in times],
        }
        inputs = processor(
            text=text, videos=np.stack(frames), video_metadata=metadata, do_sample_frames=False, return_tensors="pt"
        )
    ids = model.generate(**inputs, do_sample=False, max_new_tokens=most)[0, inputs["input_ids"].shape[1] :]
    return " ".join(processor.tokenizer.decode(ids, skip_special_tokens=True).split())
