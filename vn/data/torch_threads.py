"""PyTorch's threads while many videos are encoded at once: one for each video."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Compute with one thread per video in all threads that are started inside the block.

    Videos are encoded in parallel instead: faster than several threads for each, and the last bits of the features do
    not depend on the number of threads or processes. It does nothing if torch is not loaded.
    """
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
