"""A user's folder: data, runs, a base model and a video, all written by an earlier build."""

import shutil
import tarfile
from pathlib import Path

import pytest

BUILD = Path(__file__).parent / "kept" / "vn-efba434.tar.xz"


@pytest.fixture
def user_folder(tmp_path, monkeypatch):
    """The current folder: data/mine, runs/mine, runs/other, runs/shop, models/tiny, kettle.mp4 and product.yaml."""
    with tarfile.open(BUILD) as archive:
        archive.extractall(tmp_path, filter="data")
    (tmp_path / "data" / "mine").symlink_to(tmp_path / "data")
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "tiny").symlink_to(tmp_path / "base")
    runs = tmp_path / "runs"
    shutil.copytree(runs / "finished", runs / "mine")
    shutil.copytree(runs / "finished", runs / "other")
    config = runs / "other" / "config.yaml"
    config.write_text(config.read_text().replace("ablation: full", "ablation: no_memory"))
    (runs / "seen").rename(runs / "shop")
    for name in ("kettle.mp4", "product.yaml"):
        (tmp_path / "new" / name).rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path
