"""Examines a run folder: its adapter, what it was trained from, and its output."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from vn.data.manifest import Manifest
from vn.errors import Findings, InputError, show
from vn.io.files import read_yaml
from vn.io.remote import Folder
from vn.renamed import with_current_names
from vn.run_paths import run_data
from vn.score.predictions import read_lines

WEIGHTS = ("narrator.safetensors", "adapter_model.safetensors")
NUMPY = ("F64", "F32", "F16")  # dtypes of weights that NumPy has as well
POSITIONS = 100
MOVED = "if it has moved, give --base-model"


def examine_run(
    folder: Path, findings: Findings, data: Folder | None = None, base_model: str | None = None
) -> list[str]:
    """Examine a run or an adapter folder.

    Args:
        folder: a run folder, or an adapter folder.
        findings: takes problems: weights that are damaged, not finite or of another shape; an encoder, feature shapes
            or statistics that are not those of the data; a base model that is missing or is another one; predictions
            that occur twice or belong to no story.
        data: the data folder (default: the one that the run's configuration names, if it exists).
        base_model: where the base model is, if it has moved.

    Returns:
        What was examined, with counts.
    """
    checked: list[str] = []
    adapter = folder / "adapter" if (folder / "adapter").is_dir() else folder
    config = folder / "config.yaml"
    named = with_current_names(read_yaml(config)) if config.exists() else None
    another = isinstance(named, dict) and bool(named.get("baseline"))  # another system than a narrator of ours
    if named is not None and data is None and not (another and "data" not in named):
        where = named.get("data", {}).get("folder") if isinstance(named, dict) else None
        data = run_data(config)
        if data is None or (isinstance(data, Path) and not data.is_dir()):
            data = None
            findings.add(f"names the data {show(where)}, which are not here: give --data", file=config, field="data")
    if (adapter / "narrator.json").exists() or not config.exists():
        checked += examine_adapter(adapter, findings, data, base_model)
    elif another:
        if not (folder / "stories.jsonl").exists() or (folder / "parts").exists():
            findings.add("not all stories are written: repeat its command", file=folder)
    else:
        findings.add("no adapter: the run has not finished training", file=folder)
    counts = {"lines of metrics": _examine_metrics(folder / "metrics.jsonl", findings)}
    counts |= _examine_predictions(folder, findings)
    return checked + [f"{count} {what}" for what, count in counts.items() if count]


def examine_adapter(folder: Path, findings: Findings, data: Folder | None, base_model: str | None = None) -> list[str]:
    """Examine an adapter folder: see `examine_run`.

    Raises:
        InputError: there is no ``narrator.json`` that can be read.
    """
    from vn.card import read_card

    card = read_card(folder)  # before anything slow

    from vn.llm.base import UNKNOWN, fingerprints
    from vn.llm.loaders import loader_of
    from vn.template import Template

    shapes = {"mean": [card.width], "std": [card.width], "position.table.weight": [POSITIONS, card.width]}
    arrays = _examine_weights(folder / WEIGHTS[0], findings)
    count = len(arrays)
    if card.lora.rank:
        lora = _examine_weights(folder / WEIGHTS[1], findings)
        count += len(lora)
        if lora and not any(np.any(v) for k, v in lora.items() if "lora_B" in k):
            findings.add("LoRA's B is all zeros: it was never trained", file=folder / WEIGHTS[1])
    for name, shape in shapes.items():
        if arrays and name in arrays and list(arrays[name].shape) != shape:
            message = f"expected {shape}, found {list(arrays[name].shape)}"
            findings.add(message, file=folder / WEIGHTS[0], field=name)
    try:
        template = Template.load(str(folder / "template.yaml"), card.clip_header)
        if template.sha256 != card.template_sha256:
            findings.add("is not the template the adapter was trained with", file=folder / "template.yaml")
    except InputError as error:
        findings.add(str(error))
    checked = [f"{count} weights", "template"]
    checked.append("base model")
    base = base_model or card.base_model
    try:
        # What another package loads, only that package can check.
        if loader_of(base) is None and card.base_sha256 not in {*fingerprints(base), UNKNOWN}:
            message = f"was trained on another base model than the one at {base!r} now; {MOVED}"
            findings.add(message, file=folder, field="base_sha256")
    except InputError as error:
        findings.add(f"its base model is missing ({error}); {MOVED}", file=folder, field="base_model")
    if data is not None:
        checked.append("agreement with the data")
        _examine_agreement(folder, data, arrays, findings)
    return checked


def _examine_weights(file: Path, findings: Findings) -> dict[str, np.ndarray]:
    """The arrays of a weights file; none if it cannot be read."""
    arrays = {}
    try:
        with safe_open(file, "np") as opened:
            kinds = {name: opened.get_slice(name).get_dtype() for name in opened.keys()}  # noqa: SIM118 (not a mapping)
            if all(kind in NUMPY for kind in kinds.values()):
                arrays = {name: opened.get_tensor(name) for name in kinds}
        if len(arrays) < len(kinds):  # numpy has no bfloat16
            arrays = _with_torch(file)
    except (OSError, SafetensorError) as error:
        findings.add(f"missing or damaged: {error}", file=file)
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            findings.add("holds a number that is not finite", file=file, field=name)
    return arrays


def _with_torch(file: Path) -> dict[str, np.ndarray]:
    """The arrays of a weights file, whatever their dtype; importing PyTorch takes most of the time."""
    import torch

    with safe_open(file, "pt") as opened:
        tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    return {name: (x if x.dtype == torch.float64 else x.float()).numpy() for name, x in tensors.items()}


def _examine_agreement(adapter: Path, data: Folder, arrays: dict[str, np.ndarray], findings: Findings) -> None:
    """Check that the narrator was trained on the present content of the data folder."""
    from vn.card import read_card

    card, manifest = read_card(adapter), Manifest.load(data)
    file = adapter / "narrator.json"
    for name in ("id", "weights_sha256", "settings"):
        ours, theirs = card.encoder.get(name), manifest.encoder.get(name)
        if ours != theirs:
            findings.add(f"is {show(ours)}, but that of {data} is {show(theirs)}", file=file, field=f"encoder.{name}")
    for name in ("tokens", "width", "standardise"):
        ours, theirs = getattr(card, name), getattr(manifest, name)
        if ours != theirs:
            findings.add(f"is {ours}, but that of {data} is {theirs}", file=file, field=name)
    if not card.standardise or card.width != manifest.width:
        return
    for name in ("mean", "std"):
        if name in arrays and not np.allclose(arrays[name], manifest.statistics[name], rtol=1e-3, atol=1e-5):
            findings.add(f"is not the statistics of {data}", file=adapter / WEIGHTS[0], field=name)


def _examine_metrics(file: Path, findings: Findings) -> int:
    """Check that every number is finite; returns the number of lines."""
    if not file.exists():
        return 0
    try:
        lines = read_lines(file)
    except InputError as error:
        findings.add(str(error))
        return 0
    for line in lines:
        for name, value in line.items():
            if isinstance(value, float) and not math.isfinite(value):
                findings.add(f"is {value} at step {line.get('step')}", file=file, field=name)
    return len(lines)


def _examine_predictions(folder: Path, findings: Findings) -> dict[str, int]:
    """Check that each clip of each story occurs once, and no other; returns the numbers of stories and predictions."""
    counts = {"stories": 0, "predictions": 0}
    stories = folder / "stories.jsonl"
    try:
        known = {line.get("id"): len(line.get("clips", ())) for line in read_lines(stories)} if stories.exists() else {}
        counts["stories"] = len(known)
        for file in sorted(folder.glob("predictions.*.jsonl")):
            places = Counter((line.get("video"), line.get("clip")) for line in read_lines(file))
            counts["predictions"] += places.total()
            for (video, clip), count in places.items():
                if count > 1:
                    findings.add(f"clip {clip} occurs {count} times", file=file, sample=str(video))
                if known and (video not in known or not isinstance(clip, int) or not 0 <= clip < known[video]):
                    findings.add(f"clip {clip} is in no story of stories.jsonl", file=file, sample=str(video))
        if (folder / "scores.json").exists():
            json.loads((folder / "scores.json").read_text(encoding="utf-8"))
    except InputError as error:
        findings.add(str(error))
    except ValueError as error:
        findings.add(f"not JSON: {error}", file=folder / "scores.json")
    return counts
