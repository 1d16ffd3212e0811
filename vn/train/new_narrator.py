"""Builds a narrator to train, from its settings and its data."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from vn.adapter import Assembly, assemble
from vn.card import NarratorCard
from vn.data.manifest import Manifest
from vn.hub import local_folder
from vn.template import Template, default_template
from vn.train.settings import ModelSettings
from vn.train.start_from import assemble_from


def new_narrator(settings: ModelSettings, manifest: Manifest) -> Assembly:
    """Build a narrator for a data folder.

    Raises:
        InputError: the base model, the template or the narrator to start from is missing, or does not fit.
    """
    name = settings.template or default_template(manifest.language, manifest.domain)
    template = Template.load(name, settings.clip_header)
    chosen = settings.of_narrator()
    decided = {"clip_header": template.clip_header, "storyline": settings.storyline and template.storyline}
    card = NarratorCard(
        **{**chosen, **decided},
        base_sha256="",
        template_sha256=template.sha256,
        language=manifest.language,
        threshold=manifest.similarity_threshold,
        tokens=manifest.tokens,
        width=manifest.width,
        standardise=manifest.standardise,
        encoder=manifest.encoder,
        domain=manifest.domain,
        corpus=manifest.corpus,
        trained_on=_trained_on(manifest),
    )
    if settings.start_from is not None:
        return assemble_from(local_folder(settings.start_from), card, template)
    # From NumPy, hence on the CPU: on a GPU, Lightning makes its device the default of torch's functions here.
    mean, std = (torch.from_numpy(manifest.statistics[name].astype(np.float32)) for name in ("mean", "std"))
    return assemble(card, template, mean, std)


def _trained_on(manifest: Manifest) -> dict[str, Any]:
    """The narrator card's description of the train split."""
    samples = manifest.samples("train")
    return {
        "videos": len(samples),
        "clips": int(samples.column("narrated").sum()),
        "seconds": round(math.fsum(samples.column("seconds"))),
        "manifest_sha256": manifest.sha256,
    }
