#!/usr/bin/env bash
# 2026-11-27. transformers==5.23.0: in Qwen2.5-VL's rotary positions, the text after a video begins where the video's
# height or width ends, not after its last frame in time: the question about a video has the positions of its frames, and
# the first token that is written is then put after all of them, far from the text that it follows.
#
# Expected: each part begins one after the largest position of the part before it, whatever the axis, as the description
# of M-RoPE says (Wang et al. 2024, arXiv 2409.12191, section 2.1), and as transformers 4.57.3 computes it
# (28 to 31 for the text below, 32 for the first token that is written).
# Why it matters: it changes with the length of the video what the model reads; a clip of 8 s in 8 frames has positions
# 0 to 24 over time here and 0 to 1 over height and width.
# Cause, read in models/qwen2_5_vl/modeling_qwen2_5_vl.py: get_rope_index adds max(grid_thw[1], grid_thw[2]) //
# spatial_merge_size to the position after any vision part; the rope delta is from the maximum over all.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/env"
"$folder/env/bin/pip" install -q 'torch==2.14.1' 'transformers==5.23.0'
"$folder/env/bin/python" - <<'PY'
import torch
import transformers
from transformers import Qwen2_5_VLConfig
from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import Qwen2_5_VLModel

print("transformers", transformers.__version__)
TEXT, VIDEO = 5, 4  # ids
config = Qwen2_5_VLConfig(
    text_config={
        "vocab_size": 10,
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "rope_parameters": {"rope_type": "default", "mrope_section": [2, 1, 1], "rope_theta": 10000.0},
    },
    vision_config={"depth": 1, "hidden_size": 16, "num_heads": 2, "out_hidden_size": 16, "tokens_per_second": 4},
    video_token_id=VIDEO,
)
model = Qwen2_5_VLModel(config)
before, after = 3, 4  # tokens of text
grid = torch.tensor([[4, 4, 4]])  # 4 x 2 x 2 tokens after merging
ids = torch.tensor([[TEXT] * before + [VIDEO] * 16 + [TEXT] * after])
positions, delta = model.get_rope_index(
    ids, (ids == VIDEO).long() * 2, video_grid_thw=grid, second_per_grid_ts=torch.tensor([2.0])
)
seen, text = positions[:, 0, before:-after], positions[0, 0, -after:].tolist()
most = int(seen.max())
print("video: time", sorted(set(seen[0].tolist())), "height", sorted(set(seen[1].tolist())))
print("the text after it:", text, "- expected:", [most + 1 + n for n in range(after)])
first = ids.shape[1] + int(delta)
print("the first token written:", first)
assert most == before + 24, "the video's positions have changed"
assert text == [before + 2 + n for n in range(after)], "transformers has changed"
assert first == most + 1, "transformers has changed"
PY
