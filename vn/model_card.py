"""The ``README.md`` of an adapter folder: what it is, what it was trained on, its scores and how to use it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

SHOWN = ("meteor", "cider", "bleu_4", "emscore", "info_sim", "word_length_accuracy", "intra_repetition", "facts")
HERE = "this-folder"


def model_card(
    card: Mapping[str, Any], scores: Mapping[str, Mapping[str, Any]] | None = None, place: str | None = None
) -> str:
    """The model card.

    Args:
        card: what ``narrator.json`` holds.
        scores: what ``scores.json`` of its run holds, if it was scored.
        place: how it is loaded, such as ``hf://user/repo``; None if it is only a folder.
    """
    base = without_folders(str(card["base_model"]))
    parts = [
        f"---\n{yaml.safe_dump(_front_matter(card), sort_keys=False, allow_unicode=True)}---\n",
        f"# VideoNarrator on {base}\n",
        f"An adapter that {_about(card)}: given a video's clips and what is known of its subject, it writes one "
        "narration per clip, in sync with the clips. It holds the projector, the clip positions, feature statistics, "
        "the prompt's template and LoRA weights; the base model is not in it.\n",
        _made_of(card, base),
        _use(place or HERE),
    ]
    if scores and (table := _score_table(scores)):
        parts.insert(-1, table)
    return "\n".join(parts)


def is_hub_name(base: str) -> bool:
    """Whether a base model's name is one of the hub: a path or a loader's name is not."""
    return base.count("/") == 1 and not base.startswith((".", "/", "~")) and ":" not in base and not Path(base).exists()


def _front_matter(card: Mapping[str, Any]) -> dict[str, Any]:
    base = card["base_model"]
    return {
        "library_name": "vn",
        **({"base_model": base, "base_model_relation": "adapter"} if is_hub_name(base) else {}),
        "language": [card["language"]],
        "pipeline_tag": "video-text-to-text",
        "tags": ["vn", "video-narration", "video-storytelling", *(["lora"] if card["lora"]["rank"] else [])],
    }


def without_folders(base: str) -> str:
    """A base model's name without the folders that it is stored in, which are this machine's own."""
    loader, colon, rest = base.rpartition(":")
    if is_hub_name(base) or (colon and not Path(base).exists() and not _is_path(rest)):
        return base
    return f"{loader}:{Path(rest).name}" if colon and not Path(base).exists() else Path(base).name


def _is_path(name: str) -> bool:
    return name.startswith((".", "/", "~")) or Path(name).exists()


def _about(card: Mapping[str, Any]) -> str:
    what = {"ad": "product videos", "general": "general videos"}.get(card.get("domain") or "", "videos")
    return f"narrates {what} in {'Chinese' if card['language'] == 'zh' else 'English'}"


def _made_of(card: Mapping[str, Any], base: str) -> str:
    visual, lora, encoder = card["visual"], card["lora"], card["encoder"]
    known = card.get("trained_on") or {}
    counts = ", ".join(f"{known[name]} {name}" for name in ("videos", "clips") if name in known)
    corpus = card.get("corpus")
    rows = {
        "base model": f"{base} ({card['dtype']}, quantization {card.get('quantization', 'none')})",
        "base model sha256": card["base_sha256"] or "unknown",
        "frame encoder": f"{encoder.get('id')}, {card['tokens']} x {card['width']} per frame",
        "LoRA": f"rank {lora['rank']}, alpha {lora['alpha']:g}" if lora["rank"] else "off: the base model is frozen",
        "memory": f"{visual['memory']}, length {visual['memory_length']}",
        "script labels": "written" if card["storyline"] else "not written",
        "trained on": ", ".join(filter(None, (corpus, counts))) or "unknown",
        "vn": card.get("vn", "unknown"),
    }
    if card.get("drafts"):
        rows["drafts"] = "n-grams of the training narrations (drafts.safetensors), with which it writes faster"
    packages = {**(card.get("packages") or {}), "encoder": encoder.get("package")}
    needed = sorted({name for name in packages.values() if name})
    if needed:
        rows["needs the packages"] = ", ".join(needed)
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())]) + "\n"


def _score_table(scores: Mapping[str, Mapping[str, Any]]) -> str:
    """Scores times 100, with what they were computed by; empty if there is none."""
    rows = []
    for setting, entries in scores.items():
        for name in SHOWN:
            entry = entries.get(name)
            if isinstance(entry, Mapping) and isinstance(value := entry.get("value"), int | float):
                how = ", ".join(str(entry[tag]) for tag in ("tokenisation", "variant", "model") if entry.get(tag))
                rows.append(f"| {setting} | {name} | {100 * value:.2f} | {how} |")
    if not rows:
        return ""
    head = [
        "## Scores\n",
        "On the test split of its data, times 100. Setting: whether script labels were predicted or ",
    ]
    head[1] += "given.\n"
    return "\n".join([*head, "| setting | metric | score | computed by |", "|---|---|---:|---|", *rows]) + "\n"


def _use(place: str) -> str:
    return f"""## Use

```
vn narrate video.mp4 --product product.yaml --adapter {place} --out story
```

```python
import vn

story = vn.narrate_video("video.mp4", "product.yaml", "{place}")
assembly = vn.load_adapter("{place}")  # .narrator, .builder, .card
```
"""
