"""``vn narrate`` from Python."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vn.card import CARD, read_card
from vn.errors import Findings, InputError
from vn.hub import local_folder, on_hub, pinned
from vn.io.lock import claim
from vn.narrate.job import Job
from vn.story import KEY, Story
from vn.story_file.edit import plan_of
from vn.story_file.product import read_product
from vn.story_reader import parse_story

if TYPE_CHECKING:
    from vn.generation.decoding import Decoding

logger = logging.getLogger(__name__)


def narrate_video(
    video: str | Path,
    product: str | Path | Mapping[str, Any] | Story,
    adapter: str | Path,
    out: str | Path | None = None,
    *,
    decoding: Decoding | None = None,
    base_model: str | None = None,
    encoder_weights: Sequence[str] = (),
    device: str | None = None,
) -> Story:
    """Narrate a video.

    Args:
        video: the video file.
        product: knowledge of the product or topic: a product file, its content, or a story. Clips are optional: if
            there are none, the video's shots are used. Labels and narrations of its clips are kept.
        adapter: a run folder, an adapter folder, or ``hf://user/repo[@revision]`` on the hub.
        out: folder to write ``story.json``, ``story.srt`` and ``story.vtt`` to; None writes nothing.
        decoding: how tokens are chosen; None is greedy decoding with each narration as long as its clip has time
            for, as in ``vn narrate``.
        base_model: path of the base model, if it has moved since training.
        encoder_weights: weights files of the frame encoder, if it has any.
        device: e.g. ``cpu``; None is CUDA if available.

    Returns:
        The story, with labels and narration of every clip. Warnings are logged by ``vn.narrate``.

    Raises:
        InputError: the input is wrong; names the file and the field.

    Example:
        >>> story = narrate_video("kettle.mp4", "product.yaml", "runs/shop")
        >>> [clip.narration is not None for clip in story.clips]
        [True, True, True]
    """
    from vn.generation.decoding import Decoding

    video, findings = Path(video), Findings()
    if not video.is_file():
        raise InputError("no such video", file=video)
    story, file = _read(product, video, findings)
    folder = _adapter_folder(local_folder(adapter))
    card = read_card(folder)
    options = asdict(decoding or Decoding(length_control="exact"))
    options["length"] = options.pop("length_control")
    if options["drafts"] == "none":
        del options["drafts"]
    made_with = {"adapter": str(folder), "base_model": base_model, "overlap": "refuse", **options}
    if on_hub(adapter):
        made_with["adapter_from"] = pinned(adapter, folder)
    job = Job(plan_of(story), video, file, Path(out or "."), made_with, findings=findings)
    job.check(card)
    job.cut()

    from vn.narrate.write import Narrator

    narrator = Narrator(folder, base_model, encoder_weights, options, device)
    with nullcontext() if out is None else claim(Path(out), "vn.narrate_video"):
        narrator.add(job, Job.take if out is None else Job.finish)
        narrator.finish()
    if findings:
        logger.warning(findings.summary())
    return job.plan.story


def _read(product: str | Path | Mapping[str, Any] | Story, video: Path, findings: Findings) -> tuple[Story, Path]:
    """The story to narrate, and the file that messages name."""
    if isinstance(product, Story):
        return product, video
    if isinstance(product, Mapping):
        name = video.stem if KEY.fullmatch(video.stem) else "product"
        return parse_story(product, findings=findings, clips_required=False, default_id=name), video
    return read_product(Path(product), findings), Path(product)


def _adapter_folder(folder: Path) -> Path:
    inner = folder / "adapter"
    return inner if (inner / CARD).is_file() and not (folder / CARD).is_file() else folder
