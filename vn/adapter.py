"""The adapter folder: everything that training produced except the base model (docs/design.md#adapter-folder).

    adapter/
      narrator.json            what it is: base model and hash, visual settings, encoder, word range, versions
      narrator.safetensors     projector, position, feature statistics
      template.yaml            the wording it was trained with
      README.md                model card for whoever finds the folder
      drafts.safetensors       n-grams of the training narrations, for drafts (`vn.llm.ngrams`), if it was trained here
      adapter_config.json, adapter_model.safetensors    PEFT's own files, if LoRA is on

Everything after training reads only this folder.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import typing
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from vn.card import CARD, NarratorCard, lost_base, read_card, write_card
from vn.errors import InputError
from vn.hub import local_folder
from vn.io.files import read_json, read_text
from vn.llm.base import UNKNOWN, BaseModel, check_window
from vn.llm.dtypes import convert, resolved
from vn.llm.lora_files import Matrices
from vn.llm.ngrams import Ngrams, read_ngrams, write_ngrams
from vn.llm.plain import load_plain
from vn.llm.rows import RowBuilder
from vn.llm.tokens import SegmentTokenizer
from vn.model_card import model_card
from vn.narrator import VideoNarrator
from vn.parts import find_parts, module_name
from vn.template import Template


@dataclass(slots=True)
class Assembly:
    """A narrator with everything needed to use it, and n-grams of its training narrations to be saved with it."""

    narrator: VideoNarrator
    builder: RowBuilder
    card: NarratorCard
    template: Template
    base: BaseModel
    ngrams: Ngrams | None = None


def assemble(
    card: NarratorCard,
    template: Template,
    mean: torch.Tensor,
    std: torch.Tensor,
    adapter: Path | None = None,
    merge: bool = True,
    only_writes: bool = False,
) -> Assembly:
    """Build a narrator: base model, LoRA (new, or the adapter's), visual path.

    Args:
        card: the settings to build it from.
        template: the wording.
        mean: ``[D]`` means that features are standardised with.
        std: ``[D]`` standard deviations, likewise.
        adapter: folder whose LoRA weights are loaded.
        merge: whether that LoRA is merged into the base model.
        only_writes: whether a `vn.llm.llama.Llama` may be the language model, see `load_adapter`.

    Raises:
        InputError: the base model is not the one the adapter was trained on, or its attention window is shorter
            than a prompt may be, or a file is missing or damaged.
    """
    base = None
    if only_writes and merge and card.quantization == "none" and find_parts(card).built_in:
        base = load_plain(card.base_model, card.dtype, adapter if card.lora.rank else None)
    plain = base is not None
    if base is None:
        from vn.llm.load import load_base

        base = load_base(card.base_model, card.dtype, card.quantization)
    check_window(base.llm.config, card.max_length)
    if card.base_sha256 not in ("", UNKNOWN, base.sha256):
        raise InputError(
            f"was trained on another base model than the one at {card.base_model!r} now",
            file=adapter,
            field="base_sha256",
        )
    parts = find_parts(card)
    card = dataclasses.replace(card, base_sha256=base.sha256, packages=parts.packages())
    llm = base.llm if plain else _with_lora(base, card, adapter, merge)
    statistics = (mean, std) if card.standardise else None
    narrator = parts.build(llm, card.width, statistics, card.visual.position)
    narrator.pool = card.visual.pool
    builder = RowBuilder(
        SegmentTokenizer(base.tokenizer, base.added),
        template,
        card,
        mean.numpy() if card.standardise else None,
        std.numpy() if card.standardise else None,
    )
    return Assembly(narrator, builder, card, template, base)


def _with_lora(base: BaseModel, card: NarratorCard, adapter: Path | None, merge: bool) -> Any:
    """The language model, frozen, with LoRA that is new, or an adapter folder's."""
    from vn.llm.lora import add_lora, load_lora, merge_lora

    if adapter is None:
        return add_lora(base.llm, card.lora)
    base.llm.requires_grad_(False)
    llm = load_lora(base.llm, adapter) if card.lora.rank else base.llm
    # A loaded adapter is for inference only, and a merged model generates about twice as fast. Merging into 4-bit or
    # 8-bit weights would lose precision.
    return merge_lora(llm) if merge and card.lora.rank and card.quantization == "none" else llm


def save_adapter(folder: str | Path, assembly: Assembly) -> None:
    """Write an adapter folder; an older one is replaced only when the new one is complete.

    Raises:
        InputError: it cannot be written; the partial output is removed.
    """
    with replace_folder(Path(folder)) as new:
        _write_adapter(new, assembly)


@contextmanager
def replace_folder(folder: Path) -> Iterator[Path]:
    """Write to a folder beside it, renamed to `folder` only if the block ends without an error.

    Raises:
        InputError: it cannot be written; the partial output is removed.
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


def load_trained(folder: Path, narrator: VideoNarrator, lora: bool = True) -> None:
    """Put an adapter folder's weights into a narrator that is to be trained on; LoRA is not merged.

    Args:
        folder: the adapter folder.
        narrator: the narrator.
        lora: whether the folder has LoRA, if the narrator does.

    Raises:
        InputError: they are missing, damaged, or have other names or shapes.
    """
    from peft import PeftModel, set_peft_model_state_dict

    try:
        narrator.load_state_dict(load_file(folder / "narrator.safetensors"), strict=False)
        if lora and isinstance(narrator.llm, PeftModel):
            set_peft_model_state_dict(narrator.llm, load_file(folder / "adapter_model.safetensors"))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise InputError(f"the weights are missing, damaged or do not fit: {error}", file=folder) from None


def take_weights(assembly: Assembly, own: Mapping[str, Tensor], lora: Matrices, file: Path) -> None:
    """Copy what another program trained into a narrator: all of its trained weights, and nothing else.

    Args:
        assembly: the narrator, with LoRA not merged.
        own: weights beside the language model, by name, e.g. ``projector.linear.weight``.
        lora: LoRA's matrices, by the base model's layers.
        file: where they are from, for errors.

    Raises:
        InputError: they are of another base model: a layer is missing or of another shape.
    """
    weights = dict(own)
    for (layer, side), tensor in lora.items():
        weights[f"llm.base_model.model.model.{layer}.lora_{side}.default.weight"] = tensor
    parameters = dict(assembly.narrator.named_parameters())
    for name, tensor in weights.items():
        if name not in parameters or parameters[name].shape != tensor.shape:
            found = list(parameters[name].shape) if name in parameters else "nothing"
            message = f"has {list(tensor.shape)} where {assembly.card.base_model} has {found}: another base model?"
            raise InputError(message, file=file, field=name.removeprefix("llm.base_model.model."))
        with torch.no_grad():
            parameters[name].copy_(tensor)
    left = [name for name, p in parameters.items() if p.requires_grad and name not in weights]
    if left:
        raise InputError(f"{len(left)} weights are missing, the first is {left[0]}", file=file)


def _write_adapter(folder: Path, assembly: Assembly) -> None:
    from peft import PeftModel

    narrator = assembly.narrator
    if isinstance(narrator.llm, PeftModel):
        narrator.llm.save_pretrained(str(folder), save_embedding_layers=False)  # the vocabulary is never resized
    own = {k: v for k, v in narrator.state_dict().items() if not k.startswith("llm.")}
    save_file({k: v.detach().cpu().contiguous() for k, v in own.items()}, folder / "narrator.safetensors")
    (folder / "template.yaml").write_text(assembly.template.text, encoding="utf-8")
    describe(folder, assembly.card, assembly.ngrams)


def describe(folder: Path, card: NarratorCard, ngrams: Ngrams | None) -> None:
    """Write the card and the model card of an adapter folder, and n-grams of its training narrations if there are any.

    Args:
        folder: the adapter folder.
        card: the card.
        ngrams: the n-grams.
    """
    write_card(folder, dataclasses.replace(card, drafts=write_ngrams(folder, ngrams) if ngrams is not None else None))
    # Instead of peft's empty one.
    (folder / "README.md").write_text(model_card(read_json(folder / CARD)), encoding="utf-8")


def load_adapter(
    folder: str | Path,
    base_model: str | None = None,
    merge: bool = True,
    quantized: bool = True,
    imports: Collection[str] = (),
    only_writes: bool = False,
    dtype: str | None = None,
) -> Assembly:
    """Load an adapter folder into an unsharded narrator on the CPU, for inference.

    Args:
        folder: the adapter folder; or ``hf://user/repo[@revision]`` on the hub, which is fetched once.
        base_model: where the base model is now, if it has moved.
        merge: whether LoRA is merged into the base model.
        quantized: False loads the base model unquantized even if LoRA was trained on it in 4 or 8 bits.
        imports: each ``module:Name`` that the card may import. Without it only what is installed is used.
        only_writes: the narrator will write stories and nothing else: its language model may be a
            `vn.llm.llama.Llama`, which is loaded several times faster, instead of a model of transformers. The texts
            are the same.
        dtype: data type of the language model's weights and key-value cache: ``float32``, ``bfloat16``, or ``auto``,
            the faster one on CUDA if available, else on the CPU; None is the card's.

    Raises:
        InputError: naming the file that is missing or damaged, or the package that is not installed.

    Example:
        >>> assembly = load_adapter("runs/mine/adapter")
        >>> assembly.card.language, assembly.card.lora.rank
        ('en', 2)
    """
    folder = local_folder(folder)
    card = read_card(folder)
    packages, allowed = dict(card.packages), {*imports}
    if base_model is not None:  # this call names it, whatever the card says
        card = dataclasses.replace(card, base_model=base_model)
        packages.pop("base_model", None)
        allowed.add(module_name("base_model", base_model) or "")
    elif places := lost_base(card, folder):  # before anything slow
        message = f"the base model is not found ({places}); give its path with --base-model (tests: --model.base_model)"
        raise InputError(message, file=folder, field="base_model")
    dtype = resolved(dtype, None, card if quantized else dataclasses.replace(card, quantization="none"))
    find_parts(card, packages=packages, imports=allowed, file=folder / CARD)
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
        if dtype is not None:  # LoRA is merged in the more precise of the two
            loaded = dataclasses.replace(loaded, dtype=dtype if dtype == "float32" else card.dtype)
        assembly = assemble(loaded, template, own["mean"], own["std"], folder, merge, only_writes)
        if dtype is not None:
            convert(assembly.narrator.causal_lm, dtype)
            assembly.card = dataclasses.replace(assembly.card, dtype=dtype)
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


def ngrams_of(folder: Path, assembly: Assembly) -> Ngrams:
    """The n-grams of the training narrations in an adapter folder, for drafts.

    Args:
        folder: the adapter folder.
        assembly: what was loaded from it.

    Raises:
        InputError: there are none, or they are damaged.
    """
    vocabulary = len(assembly.narrator.causal_lm.get_input_embeddings().weight)
    return read_ngrams(folder, assembly.card.drafts, vocabulary)
