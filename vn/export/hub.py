"""``vn export --push``: a run's adapter folder on the hub, with a model card and without this machine's paths."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from vn.card import CARD, FROM_HERE, read_card
from vn.hub import FETCHED, PREFIX, check_repository, push
from vn.io.files import read_json
from vn.model_card import model_card, without_folders


def push_adapter(adapter: Path, run: Path, repository: str, private: bool = False) -> str:
    """Upload an adapter folder; a model card with the run's scores comes with it.

    Args:
        adapter: the adapter folder.
        run: the run folder, whose ``scores.json`` goes into the model card if it has one.
        repository: ``user/repo``; made if there is none.
        private: whether a new repository is private.

    Returns:
        The name to load it by, with its commit.

    Raises:
        InputError: the folder is not an adapter, the name is not a repository's, or the hub cannot be reached.
    """
    check_repository(repository, "--push")
    read_card(adapter)
    scores_file = run / "scores.json"
    scores = read_json(scores_file) if scores_file.is_file() else None
    with TemporaryDirectory() as place:
        folder = Path(place)
        for pattern in FETCHED:
            for file in adapter.glob(pattern):
                shutil.copyfile(file, folder / file.name)
        card = _without_paths(folder / CARD, "base_model")
        _without_paths(folder / "adapter_config.json", "base_model_name_or_path")
        text = model_card(card, scores if isinstance(scores, dict) else None, PREFIX + repository)
        (folder / "README.md").write_text(text, encoding="utf-8")
        return push(folder, repository, private, f"Adapter of the run {run.resolve().name}")


def needs_base_model(adapter: Path) -> str | None:
    """The name of the base model if it is a folder or file of this machine, which whoever loads the adapter names."""
    base = str(read_json(adapter / CARD)["base_model"])
    return None if without_folders(base) == base else without_folders(base)


def _without_paths(file: Path, field: str) -> Mapping[str, Any]:
    """Write a JSON file again with the base model's own name instead of the folders that it is stored in."""
    if not file.is_file():
        return {}
    data = {name: value for name, value in read_json(file).items() if name != FROM_HERE}
    base = data.get(field)
    if isinstance(base, str) and (name := without_folders(base)) != base:
        # A folder's name is a path still, so that loading asks where it is.
        data[field] = name if ":" in name else f"./{name}"
    file.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return data
