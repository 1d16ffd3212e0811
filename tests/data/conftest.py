import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from train.conftest import data, experiment  # noqa: E402, F401
