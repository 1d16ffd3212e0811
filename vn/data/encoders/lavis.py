"""BLIP-2's features computed by LAVIS itself, in an environment of its own.

LAVIS 1.0.2 needs transformers 4.26 and an old NumPy, and cannot be imported beside ours. So it is installed in a
virtual environment that is created once, and a process there encodes batches: frames and features are exchanged as
``.npy`` files in a private folder, names through pipes. No pickle passes in either direction.
"""

from __future__ import annotations

import atexit
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from vn.data.encoders import lavis_worker
from vn.data.encoders.blip2_weights import gather, to_lavis
from vn.data.encoders.picture import PictureEncoder
from vn.data.npy import read_npy
from vn.errors import InputError
from vn.io.cache import CACHE
from vn.io.own_environment import own_environment

REQUIREMENTS = ("salesforce-lavis==1.0.2", "transformers>=4.25,<4.27", "numpy<2")
BLOCK = 21  # that of LAVIS 1.0.2
ENVIRONMENT = CACHE / "lavis"
TAIL = 300  # characters of a failed process' last output


class Lavis(PictureEncoder):
    """`vn.data.encoders.blip2.Blip2ClipL14`, computed by LAVIS' classes.

    Args:
        weights: checkpoint files, as there.
        fps: frames per second to sample.
        block: block whose output the Q-Former attends to; LAVIS 1.0.2 uses 21.
        python: Python of an environment with LAVIS (default: one that is created on first use, and kept).

    Raises:
        InputError: weights are missing, or the environment cannot be created or used.
    """

    id = "lavis"
    standardise = False
    similarity_threshold = 0.9
    batch_size = 8

    def __init__(
        self, weights: Sequence[str | Path], fps: float = 1.0, block: int = BLOCK, python: str | Path | None = None
    ) -> None:
        parts, self.weights_sha256 = gather(weights)
        trunk = parts["trunk"]
        blocks = len({name.split(".")[2] for name in trunk if name.startswith("transformer.")})
        if not 1 <= block <= blocks:
            raise InputError(f"expected a block from 1 to {blocks}, got {block}", field="--encoder-block")
        grid = round((len(trunk["positional_embedding"]) - 1) ** 0.5)
        self.size = grid * trunk["conv1.weight"].shape[-1]
        self.tokens, self.width = parts["queries"]["query_tokens"].shape[-2:]
        super().__init__(fps, {"size": self.size, "fit": "squash", "block": block})
        self._lock = threading.Lock()  # batches of several videos come from several threads
        self._count = 0
        self._folder = Path(tempfile.mkdtemp(prefix="vn-lavis-"))
        atexit.register(self.close)
        torch.save({**to_lavis(parts), "block": block}, self._folder / "weights.pt")
        self._start(Path(python) if python else environment())

    def _start(self, python: Path) -> None:
        words = [str(python), "-I", str(Path(lavis_worker.__file__).resolve()), str(self._folder)]
        self._errors = (self._folder / "stderr").open("w+b")
        try:
            self._process = subprocess.Popen(
                words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True
            )
        except OSError as error:
            raise InputError(f"cannot start LAVIS: {error.strerror}", file=python) from None
        self._expect("ready")

    def _expect(self, answer: str) -> None:
        assert self._process.stdout is not None
        said = self._process.stdout.readline().strip()
        if said != answer:
            self._process.wait(timeout=60)
            self._errors.seek(0)
            last = self._errors.read().decode(errors="replace")[-TAIL:]
            raise InputError(f"LAVIS ended in its environment: {last}", field="--encoder")

    def shrink(self, picture: np.ndarray) -> np.ndarray:
        """See `PictureEncoder.shrink`; squashed with bicubic interpolation, as LAVIS' processor does."""
        return np.asarray(Image.fromarray(picture).resize((self.size, self.size), Image.Resampling.BICUBIC))

    def encode(self, inputs: np.ndarray) -> np.ndarray:
        """See `PictureEncoder.encode`."""
        return self.exact(inputs).astype(np.float16)

    def exact(self, inputs: np.ndarray) -> np.ndarray:
        """The features in float32."""
        assert self._process.stdin is not None
        with self._lock:
            name = f"batch-{self._count}"
            self._count += 1
            np.save(self._folder / f"{name}.npy", inputs, allow_pickle=False)
            try:
                self._process.stdin.write(name + "\n")
                self._process.stdin.flush()
            except BrokenPipeError:
                pass  # why it ended is reported when its answer is missing
            self._expect(name)
            answer = self._folder / f"{name}.out.npy"
            features = read_npy(answer.read_bytes())
            for file in (answer, self._folder / f"{name}.npy"):
                file.unlink()
        if features.shape != (len(inputs), self.tokens, self.width):
            raise InputError(f"LAVIS gave features of the shape {list(features.shape)}", field="--encoder")
        return features

    def close(self) -> None:
        """End the process and remove its folder."""
        process = getattr(self, "_process", None)
        if process is not None and process.poll() is None:
            process.kill()
            process.wait(timeout=60)
        shutil.rmtree(self._folder, ignore_errors=True)


def environment(folder: Path = ENVIRONMENT) -> Path:
    """The Python of LAVIS' environment, which is created once (minutes, several GB).

    One that is incomplete, or has other requirements than `REQUIREMENTS`, is created again.

    Raises:
        InputError: it cannot be created, or another process is creating it.
    """
    return own_environment(folder, REQUIREMENTS, "LAVIS'", "takes minutes and several GB")
