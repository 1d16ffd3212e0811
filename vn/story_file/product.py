"""Product and storyline files: what a user specifies about a video before it is narrated."""

from __future__ import annotations

from pathlib import Path

from vn.errors import Findings, InputError, show
from vn.io.files import parse_yaml, read_text
from vn.io.yaml_hints import Source, not_a_text, yaml_hint
from vn.overlap import Overlap
from vn.story import KEY, Labels, Story, parse_labels
from vn.story_reader import parse_story


def read_product(file: Path, findings: Findings, overlap: Overlap = "refuse") -> Story:
    """A product file: a Story in YAML without ``id`` and with clips optional."""
    text = read_text(file)
    data = parse_yaml(text, file)
    name = file.stem if KEY.fullmatch(file.stem) else "product"
    return parse_story(
        data, file=file, findings=findings, clips_required=False, default_id=name, overlap=overlap, source=text
    )


def read_storyline(file: Path) -> list[Labels | None]:
    """A storyline file: a YAML list with one label, or labels joined by ``+``, per clip; for null the model chooses."""
    source = read_text(file)
    data = parse_yaml(source, file)
    if not isinstance(data, list):
        message = f"expected a list of script labels, one per clip, each after '- '; got {show(data)}"
        raise InputError(message + yaml_hint(source), file=file)
    labels: list[Labels | None] = []
    for i, text in enumerate(data):
        if text is not None and not isinstance(text, str):
            message = not_a_text(text, Source(source).at(f"[{i}]"), yaml_file=True)
            raise InputError(message.replace("a text", "a script label", 1), file=file, field=f"[{i}]")
        try:
            labels.append(None if text is None else parse_labels(text))
        except InputError as error:
            raise InputError(str(error), file=file, field=f"[{i}]") from None
    return labels
