"""Product and storyline files: what a user says of a video before it is narrated."""

from __future__ import annotations

from pathlib import Path

from vn.errors import Findings, InputError
from vn.files import read_yaml
from vn.overlap import Overlap
from vn.story import KEY, Labels, Story, parse_labels


def read_product(file: Path, findings: Findings, overlap: Overlap = "refuse") -> Story:
    """A product file: a Story in YAML without ``id`` and with clips optional."""
    data = read_yaml(file)
    name = file.stem if KEY.fullmatch(file.stem) else "product"
    return Story.from_dict(data, file=file, findings=findings, clips_required=False, default_id=name, overlap=overlap)


def read_storyline(file: Path) -> list[Labels | None]:
    """A storyline file: a YAML list with one label, or labels joined by ``+``, a clip; null leaves it to the model."""
    data = read_yaml(file)
    if not isinstance(data, list) or not all(x is None or isinstance(x, str) for x in data):
        raise InputError("expected a list of script labels, one a clip", file=file)
    labels: list[Labels | None] = []
    for i, text in enumerate(data):
        try:
            labels.append(None if text is None else parse_labels(text))
        except InputError as error:
            raise InputError(str(error), file=file, field=f"[{i}]") from None
    return labels
