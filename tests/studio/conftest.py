"""A tiny random narrator of raw videos, a video with cuts, and stories of the studio."""

import os
from dataclasses import replace
from pathlib import Path

import colour_encoder
import numpy as np
import pytest
import torch
import yaml

from vn.adapter import assemble, save_adapter
from vn.data.encoders import encoder_entry
from vn.studio.workspace import Workspace
from vn.template import Template

PRODUCT = {
    "title": "Aurora kettle",
    "language": "en",
    "knowledge": [{"aspect": "Material", "points": ["steel", "glass"]}, {"aspect": "Offer", "points": ["a bag"]}],
}


@pytest.fixture(scope="session")
def run(tmp_path_factory, card) -> Path:
    """A run folder whose adapter has an encoder that needs no network."""
    colour_encoder.register()
    encoder = colour_encoder.ColourEncoder()
    torch.manual_seed(1)
    own = replace(card, encoder=encoder_entry(encoder), tokens=encoder.tokens, width=encoder.width)
    width = encoder.width
    assembly = assemble(own, Template.load("ad-en"), torch.full((width,), 0.5), torch.full((width,), 2.0))
    folder = tmp_path_factory.mktemp("run")
    save_adapter(folder / "adapter", assembly)
    return folder


@pytest.fixture(scope="session")
def video(tmp_path_factory) -> Path:
    """Three shots of two seconds each, without sound, in a format that browsers play."""
    import av

    file = tmp_path_factory.mktemp("video") / "kettle.mp4"
    with av.open(str(file), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for i in range(60):
            frame = np.full((64, 96, 3), ((200, 30, 30), (30, 200, 30), (30, 30, 200))[i // 20], np.uint8)
            frame[8:24, i : i + 16] = 255
            for packet in stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return file


@pytest.fixture
def product(tmp_path) -> Path:
    file = tmp_path / "product.yaml"
    file.write_text(yaml.safe_dump(PRODUCT))
    return file


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    return Workspace(tmp_path / "studio")


@pytest.fixture(scope="session")
def environment(tmp_path_factory) -> dict[str, str]:
    """The environment of a process that knows the colour encoder, and has a cache of its own."""
    tests = Path(__file__).parents[1]
    home = tmp_path_factory.mktemp("home")
    (home / "sitecustomize.py").write_text("import colour_encoder\ncolour_encoder.register()\n")
    paths = [str(home), str(tests), str(tests.parent)]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "HOME": str(home), "OMP_NUM_THREADS": "1"}
