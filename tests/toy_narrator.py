"""A random narrator on a story of four clips."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from vn.adapter import assemble
from vn.card import NarratorCard
from vn.settings import LoraSettings
from vn.story import Clip, Knowledge, ScriptLabel, Story, WordRangeRule
from vn.template import Template
from vn.visual.plan import VisualSettings

T, D = 2, 6

STORY = Story(
    "kettle",
    "Aurora kettle",
    "en",
    "ad",
    (Knowledge("Material", ("steel", "glass")), Knowledge("Offer", ("two for one",))),
    (
        Clip(0, 3, (ScriptLabel.SORE_POINT,), "Cold tea again?"),
        Clip(3, 5),
        Clip(5, 8, (ScriptLabel.APPEARANCE, ScriptLabel.EFFECT), "This red kettle boils in a minute."),
        Clip(8, 10, (ScriptLabel.CALL_TO_ACTION,), "Get yours, two for one."),
    ),
)


@pytest.fixture(scope="session")
def card(tiny_base):
    template = Template.load("ad-en")
    return NarratorCard(
        base_model=str(tiny_base),
        base_sha256="",
        dtype="float32",
        template_sha256=template.sha256,
        clip_header="index_of_total",
        language="en",
        storyline=True,
        word_range=WordRangeRule(),
        visual=VisualSettings(),
        threshold=0.9,
        tokens=T,
        width=D,
        standardise=True,
        encoder={"id": "made-up"},
        lora=LoraSettings(rank=4, alpha=4, dropout=0.0),
        max_length=4096,
    )


@pytest.fixture
def make(card):
    """Assemble a narrator with changes to its card; LoRA and projector are random, so that they matter."""

    def build(template="ad-en", **changes):
        wording = Template.load(template)
        torch.manual_seed(1)
        assembly = assemble(
            replace(card, template_sha256=wording.sha256, **changes),
            wording,
            torch.full((D,), 0.5),
            torch.full((D,), 2.0),
        )
        with torch.no_grad():
            for name, p in assembly.narrator.named_parameters():
                if "lora_B" in name:
                    p.normal_(std=0.1)
        return assembly

    return build


@pytest.fixture
def frames():
    return np.random.default_rng(0).normal(size=(10, T, D)).astype(np.float16)


SECONDS = np.arange(10, dtype=np.float32)
