"""``vn import-released``: a checkpoint of the authors' program as an adapter folder."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from vn.errors import Findings, InputError
from vn.extras import require
from vn.io.lock import claim

if TYPE_CHECKING:
    from vn.adapter import Assembly
    from vn.released.checkpoint import ReleasedCheckpoint

EXAMPLES = """\
examples:
  vn import-released checkpoints/videonarrator --base-model models/Baichuan-7B --out adapters/released
  vn test --config my.yaml --adapter adapters/released --out tested

A checkpoint does not have the wording of its prompts: --template takes the file with it. Tokens that were added to
the vocabulary are kept if this wording uses them; the others are listed and left out.
"""
WEIGHTS = "non_lora_trainables.bin"
BASE = "base"  # beside the adapter: a base model with the checkpoint's embeddings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``vn import-released``."""
    parser.epilog = EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("checkpoint", type=Path, help="folder with non_lora_trainables.bin and PEFT's files")
    parser.add_argument("--base-model", required=True, help="the base model it was trained on: a folder or hub name")
    parser.add_argument("--out", type=Path, required=True, help="the adapter folder to write")
    parser.add_argument("--template", help="a shipped template's name or a file (default: by --language)")
    parser.add_argument(
        "--added-tokens",
        nargs="+",
        metavar="TOKEN",
        help="tokens of the rows after the base model's, in order (default: from the checkpoint's tokenizer files)",
    )
    parser.add_argument("--language", choices=("zh", "en"), default="zh", help="zh: ads, en: general (default: zh)")
    parser.add_argument("--tokens", type=int, default=32, help="visual tokens per frame (default: 32)")
    parser.add_argument(
        "--dtype",
        choices=("float32", "float16", "bfloat16"),
        default="float32",
        help="dtype of the base model's weights (default: float32)",
    )
    parser.add_argument("--max-length", type=int, default=4096, help="most tokens of a prompt (default: 4096)")


def run(args: argparse.Namespace) -> int:
    """Import a checkpoint."""
    require("torch", command="import-released")
    for name in ("tokens", "max_length"):
        if getattr(args, name) < 1:
            raise InputError("expected 1 or more", field="--" + name.replace("_", "-"))
    if not args.checkpoint.is_dir():
        raise InputError("no such checkpoint folder", file=args.checkpoint)
    (args.checkpoint / WEIGHTS).stat()  # before torch is imported
    if args.out.exists() and not (args.out / "narrator.json").exists() and any(args.out.iterdir()):
        raise InputError("is not empty and not an adapter; name another folder", file=args.out, field="--out")
    from vn.released.checkpoint import name_rows, read_checkpoint

    findings = Findings()
    released = read_checkpoint(args.checkpoint)  # before anything slow
    with claim(args.out.parent, "vn import-released"):
        assembly = _assemble(args, released)
        if args.added_tokens is not None:
            released = name_rows(
                released, args.added_tokens, len(assembly.narrator.causal_lm.get_input_embeddings().weight)
            )
        _write(args, assembly, released, findings)
    if findings:
        print(findings.summary(), file=sys.stderr)
    lora = f"LoRA of rank {released.lora.rank}" if released.lora.rank else "no LoRA"
    print(f"wrote {args.out}: {lora}, projector {list(released.projector['weight'].shape)}")
    return 0


def _assemble(args: argparse.Namespace, released: ReleasedCheckpoint) -> Assembly:
    import torch

    from vn.adapter import assemble
    from vn.card import NarratorCard
    from vn.story import WordRangeRule
    from vn.template import Template, default_template
    from vn.visual.plan import VisualSettings

    domain = "ad" if args.language == "zh" else "general"
    template = Template.load(args.template or default_template(args.language, domain))
    width = released.projector["weight"].shape[1]
    card = NarratorCard(
        base_model=args.base_model,
        base_sha256="",
        dtype=args.dtype,
        template_sha256=template.sha256,
        clip_header=template.clip_header,
        language=args.language,
        storyline=template.storyline,
        word_range=WordRangeRule("reference"),
        visual=VisualSettings(position=released.position is not None),
        threshold=0.9,
        tokens=args.tokens,
        width=width,
        standardise=False,
        encoder={"id": "features", "settings": {"fps": 1.0}, "weights_sha256": None},
        lora=released.lora,
        max_length=args.max_length,
        domain=domain,
    )
    return assemble(card, template, torch.zeros(width), torch.ones(width))


def _write(args: argparse.Namespace, assembly: Assembly, released: ReleasedCheckpoint, findings: Findings) -> None:
    from vn.adapter import replace_folder, save_adapter
    from vn.card import note_base
    from vn.export.formats import write_base
    from vn.io.hashes import hash_folder
    from vn.released.embeddings import take_embeddings

    fill(assembly, released, args.checkpoint)
    with replace_folder(args.out) as new:
        card = assembly.card
        if take_embeddings(assembly, released, args.checkpoint, findings):
            write_base(assembly, new / BASE, args.dtype, "5GB")
            base = str((args.out / BASE).resolve())
            card = dataclasses.replace(card, base_model=base, base_sha256=hash_folder(new / BASE))
            findings.add(f"a base model with the checkpoint's embeddings is written to {args.out / BASE}")
        part = new / "part"
        save_adapter(part, dataclasses.replace(assembly, card=card))
        for file in part.iterdir():
            file.rename(new / file.name)
        part.rmdir()
        note_base(new, args.out)


def fill(assembly: Assembly, released: ReleasedCheckpoint, file: Path) -> None:
    """Copy a checkpoint's LoRA, projector and position embedding into a narrator.

    Raises:
        InputError: the checkpoint is of another base model: a layer is missing or of another shape.
    """
    from vn.adapter import take_weights

    weights = {f"projector.linear.{name}": tensor for name, tensor in released.projector.items()}
    if released.position is not None:
        weights["position.table.weight"] = released.position
    take_weights(assembly, weights, released.adapters, file)
