"""What `configure_model` builds."""

import numpy as np
import torch

from vn.data.manifest import Manifest
from vn.llm import load
from vn.train.new_narrator import new_narrator
from vn.train.settings import ModelSettings


def test_a_gpu_as_torchs_default_device_changes_nothing_on_the_host(data, tiny_base, monkeypatch):
    """Lightning calls `configure_model` with the GPU as the default device; here another device stands for it."""
    base = load.load_base(str(tiny_base))
    monkeypatch.setattr(load, "load_base", lambda *_: base)
    manifest = Manifest.load(data)
    with torch.device("meta"):
        built = new_narrator(ModelSettings(str(tiny_base)), manifest)
    assert next(built.narrator.projector.parameters()).is_meta
    assert np.array_equal(built.builder.mean, manifest.statistics["mean"].astype(np.float32))
    assert np.array_equal(built.builder.std, manifest.statistics["std"].astype(np.float32))
    assert torch.equal(built.narrator.mean, torch.from_numpy(built.builder.mean))
