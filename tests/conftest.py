"""Shared by all tests: no network, one thread, and the folder of real data where there is one."""

import os
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["WANDB_MODE"] = "disabled"
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    folder = os.environ.get("VN_REAL_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("VN_REAL_DATA names no folder of real data")
    return Path(folder)
