"""The adapter folder: all that training made, portable and without the base model (design "Formats").

    adapter/
      narrator.json            what it is: base model and hash, visual settings, encoder, word range, versions
      narrator.safetensors     projector, position, feature statistics
      template.yaml            the wording it was trained with
      adapter_config.json, adapter_model.safetensors    PEFT's own files, where LoRA is on

Everything after training reads only this folder.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import typing
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel, set_peft_model_state_dict
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from vn import __version__
from vn.errors import InputError, show
from vn.io.files import read_json, read_text
from vn.io.paths import find, relative, tried
from vn.llm.attention import check_window
from vn.llm.load import BaseModel, load_base
from vn.llm.lora import LoraSettings, add_lora, load_lora, merge_lora
from vn.llm.rows import RowBuilder
from vn.llm.tokens import SegmentTokenizer
from vn.narrator import VideoNarrator
from vn.prompt import Template
from vn.story import WordRangeRule
from vn.visual.plan import VisualSettings

FORMAT = 1
CARD_TYPES: dict[str, Any] = {"domain": str | None, "corpus": str | None, "trained_on": dict | None}
FROM_HERE = "base_model_from_here"  # of narrator.json: the way from its folder


@dataclass(frozen=True, slots=True)
class NarratorCard:
    """What a narrator is made of; ``narrator.json``.

    Attributes:
        base_model: name or path of the base model: as the user gave it, or where it is now if that has moved together
            with the adapter folder (`note_base`).
        base_sha256: its fingerprint (`vn.io.hashes.hash_folder`); empty before it is loaded.
        dtype: of the base model's weights.
        template_sha256: of ``template.yaml``.
        clip_header: ``index`` or ``index_of_total``.
        language: of the stories it was trained on.
        storyline: whether it writes script labels.
        word_range: where word ranges come from.
        visual: the visual path's settings.
        threshold: tau, where `visual` names none.
        tokens: T, visual tokens a frame.
        width: D, width of the frame features.
        standardise: whether features are standardised.
        encoder: the manifest's entry of the frame encoder.
        lora: rank, alpha, dropout, targets.
        max_length: tokens a prompt may have.
        quantization: of the base model's weights (`vn.llm.load.load_base`).
        domain: domain of the stories it was trained on: ``ad`` or ``general``.
        corpus: name of their corpus, if the data have one.
        trained_on: of their train split: videos, narrated clips, seconds, and the manifest's hash.
    """

    base_model: str
    base_sha256: str
    dtype: str
    template_sha256: str
    clip_header: str
    language: str
    storyline: bool
    word_range: WordRangeRule
    visual: VisualSettings
    threshold: float
    tokens: int
    width: int
    standardise: bool
    encoder: dict[str, Any]
    lora: LoraSettings
    max_length: int
    quantization: str = "none"
    domain: str | None = None
    corpus: str | None = None
    trained_on: dict[str, Any] | None = None

    def about(self) -> str:
        """What the narrator knows, in a few words."""
        what = {"ad": "ads", "general": "general videos"}.get(self.domain or "", "videos")
        text = f"narrates {what} in {'Chinese' if self.language == 'zh' else 'English'}"
        known = self.trained_on or {}
        counts = [f"{known[name]} {name}" for name in ("videos", "clips") if name in known]
        data = [f"the corpus {self.corpus}"] if self.corpus else []
        return text + (f", trained on {', '.join([*data, *counts])}" if data or counts else "")


@dataclass(slots=True)
class Assembly:
    """A narrator with all it takes to use it."""

    narrator: VideoNarrator
    builder: RowBuilder
    card: NarratorCard
    template: Template
    base: BaseModel


def assemble(
    card: NarratorCard,
    template: Template,
    mean: torch.Tensor,
    std: torch.Tensor,
    adapter: Path | None = None,
    merge: bool = True,
) -> Assembly:
    """Build a narrator: base model, LoRA (new, or the adapter's), visual path.

    Args:
        card: what it is made of.
        template: the wording.
        mean, std: feature statistics ``[D]``.
        adapter: a folder whose LoRA is loaded.
        merge: whether that LoRA is merged into the base model.

    Raises:
        InputError: the base model is not the one the adapter was trained on or sees fewer tokens back than a prompt
            may have, or a file is missing or damaged.
    """
    base = load_base(card.base_model, card.dtype, card.quantization)
    check_window(base.llm.config, card.max_length)
    if card.base_sha256 and card.base_sha256 != base.sha256:
        raise InputError(
            f"was trained on another base model than what lies at {card.base_model!r} now",
            file=adapter,
            field="base_sha256",
        )
    card = dataclasses.replace(card, base_sha256=base.sha256)
    llm: Any
    if adapter is None:
        llm = add_lora(base.llm, card.lora)
    else:
        base.llm.requires_grad_(False)
        llm = load_lora(base.llm, adapter) if card.lora.rank else base.llm
        if merge and card.lora.rank and card.quantization == "none":
            # What is loaded is only used, and a merged model writes about twice as fast. Into weights of 4 or 8 bits
            # nothing can be merged without loss.
            llm = merge_lora(llm)
    narrator = VideoNarrator(
        llm,
        card.width,
        mean if card.standardise else None,
        std if card.standardise else None,
        position=card.visual.position,
    )
    builder = RowBuilder(
        SegmentTokenizer(base.tokenizer, base.added),
        template,
        storyline=card.storyline,
        words=card.word_range,
        visual=card.visual,
        threshold=card.threshold,
        frame_tokens=card.tokens,
        width=card.width,
        max_length=card.max_length,
        mean=mean.numpy() if card.standardise else None,
        std=std.numpy() if card.standardise else None,
    )
    return Assembly(narrator, builder, card, template, base)


def save_adapter(folder: Path, assembly: Assembly) -> None:
    """Write an adapter folder; an older one is replaced only when the new one is complete.

    Raises:
        InputError: it cannot be written; what was written of it is removed.
    """
    with replace_folder(folder) as new:
        _write_adapter(new, assembly)


@contextmanager
def replace_folder(folder: Path) -> Iterator[Path]:
    """Write a folder beside, and give it its name only when the block ends without an error.

    Raises:
        InputError: it cannot be written; what was written of it is removed.
    """
    new, old = (folder.with_name(folder.name + end) for end in (".new", ".old"))
    shutil.rmtree(new, ignore_errors=True)
    try:
        new.mkdir(parents=True)
        yield new
    except (OSError, SafetensorError) as error:
        shutil.rmtree(new, ignore_errors=True)
        raise InputError(f"cannot be written: {error}", file=folder) from None
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        os.replace(folder, old)
    os.replace(new, folder)
    shutil.rmtree(old, ignore_errors=True)


def load_trained(folder: Path, narrator: VideoNarrator) -> None:
    """Put an adapter folder's weights into a narrator that is to be trained on; LoRA is not merged.

    Raises:
        InputError: they are missing or damaged, or of another make.
    """
    try:
        narrator.load_state_dict(load_file(folder / "narrator.safetensors"), strict=False)
        if isinstance(narrator.llm, PeftModel):
            set_peft_model_state_dict(narrator.llm, load_file(folder / "adapter_model.safetensors"))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise InputError(f"the weights are missing, damaged or of another make: {error}", file=folder) from None


def _write_adapter(folder: Path, assembly: Assembly) -> None:
    narrator = assembly.narrator
    if isinstance(narrator.llm, PeftModel):
        narrator.llm.save_pretrained(str(folder), save_embedding_layers=False)  # the vocabulary is never resized
        (folder / "README.md").unlink(missing_ok=True)  # peft's empty model card
    own = {k: v for k, v in narrator.state_dict().items() if not k.startswith("llm.")}
    save_file({k: v.detach().cpu().contiguous() for k, v in own.items()}, folder / "narrator.safetensors")
    (folder / "template.yaml").write_text(assembly.template.text, encoding="utf-8")
    card = {"format": FORMAT, "vn": __version__, **dataclasses.asdict(assembly.card)}
    _write_card(folder / "narrator.json", card)
    note_base(folder, folder)


def _write_card(file: Path, card: dict[str, Any]) -> None:
    file.write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def note_base(folder: Path, final: Path) -> None:
    """Note in an adapter folder the way to its base model, so that both can move together.

    Args:
        folder: the adapter folder.
        final: where it will be in the end.
    """
    card = read_json(folder / "narrator.json")
    base = Path(card["base_model"]).expanduser()
    if base.is_absolute() or base.exists():  # else it is a name on the hub
        _write_card(folder / "narrator.json", {**card, FROM_HERE: relative(base, final)})


def read_card(folder: Path) -> NarratorCard:
    """Read ``narrator.json``; `InputError` names the field that is missing or unknown."""
    file = folder / "narrator.json"
    if not file.exists():
        raise InputError("no adapter here (narrator.json is missing); has the run finished training?", file=folder)
    data = read_json(file)
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise InputError(f"expected format {FORMAT}", file=file, field="format")
    nested: dict[str, Any] = {"word_range": WordRangeRule, "visual": VisualSettings, "lora": LoraSettings}
    values = {}
    optional = {f.name for f in dataclasses.fields(NarratorCard) if f.default is not dataclasses.MISSING}
    for name in typing.get_type_hints(NarratorCard):
        if name not in data and name in optional:
            continue
        if name not in data:
            raise InputError("missing", file=file, field=name)
        if name in CARD_TYPES and not isinstance(data[name], CARD_TYPES[name]):
            raise InputError(f"is wrong: {show(data[name])}", file=file, field=name)
        try:
            values[name] = nested[name](**data[name]) if name in nested else data[name]
        except TypeError as error:
            raise InputError(str(error), file=file, field=name) from None
    values["base_model"] = _base_of(data, folder)
    return NarratorCard(**values)


def _base_of(data: dict[str, Any], folder: Path) -> Any:
    """The base model that a card names: where it is now, or as it was given."""
    names = [data.get(FROM_HERE), data["base_model"]]
    given = names[1]
    if not all(isinstance(name, str | None) for name in names) or (names[0] is None and Path(given or "").exists()):
        return given
    found = find(names, folder)
    return given if found is None else str(found)


def lost_base(card: NarratorCard, folder: Path) -> str | None:
    """Where the base model was looked for, if it was a folder or a file and is not found."""
    names = [read_json(folder / "narrator.json").get(FROM_HERE), card.base_model]
    path = names[0] is not None or str(card.base_model).startswith((".", "/", "~"))
    return tried(names, folder) if path and find(names, folder) is None else None


def load_adapter(folder: Path, base_model: str | None = None, merge: bool = True, quantized: bool = True) -> Assembly:
    """Load an adapter folder into an unsharded narrator on the CPU, to use it.

    Args:
        folder: the adapter folder.
        base_model: where the base model is now, if it has moved.
        merge: whether LoRA is merged into the base model.
        quantized: False loads a base model whole that LoRA was trained over in 4 or 8 bits.

    Raises:
        InputError: naming the file that is missing or damaged.
    """
    card = read_card(folder)
    if base_model is not None:
        card = dataclasses.replace(card, base_model=base_model)
    elif places := lost_base(card, folder):  # before anything slow
        message = f"the base model is not found ({places}); say where it is by --base-model (tests: --model.base_model)"
        raise InputError(message, file=folder, field="base_model")
    template_file = folder / "template.yaml"
    template = Template.parse(read_text(template_file), template_file, typing.cast(Any, card.clip_header))
    if template.sha256 != card.template_sha256:
        raise InputError("is not the template the adapter was trained with", file=template_file)
    weights = folder / "narrator.safetensors"
    try:
        own = load_file(weights)
    except Exception as error:  # safetensors raises its own type for damaged files, OSError for missing ones
        raise InputError(f"missing or damaged: {error}", file=weights) from None
    if own.get("mean", torch.empty(0)).shape != (card.width,):
        raise InputError(f"the feature statistics are not {card.width} wide", file=weights, field="mean")
    try:
        loaded = card if quantized else dataclasses.replace(card, quantization="none")
        assembly = assemble(loaded, template, own["mean"], own["std"], folder, merge)
    except (InputError, ImportError):
        raise
    except Exception as error:
        raise InputError(f"the LoRA files are missing or damaged: {error}", file=folder) from None
    missing, unexpected = assembly.narrator.load_state_dict(own, strict=False)
    wrong = [k for k in missing if not k.startswith("llm.")] + list(unexpected)
    if wrong:
        raise InputError(f"missing or unexpected weights: {', '.join(wrong)}", file=weights)
    assembly.narrator.eval()
    return assembly
