"""CUDA graphs: a function's kernels, captured once and replayed by a single launch.

Without them each pass of single tokens launches every kernel of every layer from Python, which takes longer than the
kernels themselves (https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs).
"""

from __future__ import annotations

import logging
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

import torch
from torch import Tensor

MOST = 8  # graphs that are kept, the last used ones
BEFORE = 2  # calls before a capture: they warm up, and what is needed once or twice is not worth a capture
# A replay may differ by this share of the norm: in bfloat16 another algorithm for a product rounds otherwise (by 3 % of
# the largest logit with a 7B model on an H200), while a replay of anything else is off by more than the norm.
CLOSE = 0.1

logger = logging.getLogger(__name__)

Compute = Callable[[], Tensor]


class Graphs:
    """Runs functions without arguments, from the third call on as graphs.

    A function must only depend on tensors whose addresses stay the same, and calling it twice must do no harm. It is
    first called with every wait for the device forbidden, so that one that cannot be captured is found before a
    capture, and its first replay is compared with a call. If either fails, or the capture, functions are called from
    then on, with one warning.

    Args:
        device: the CUDA device.

    Attributes:
        on: whether graphs are used.
        captured: number of captures so far.
        replayed: number of replays so far.
    """

    def __init__(self, device: torch.device) -> None:
        self.on = True
        self.captured = 0
        self.replayed = 0
        self._device = device
        self._calls: Counter[Hashable] = Counter()
        self._known: OrderedDict[Hashable, tuple[torch.cuda.CUDAGraph, Tensor]] = OrderedDict()
        self._side: torch.cuda.Stream | None = None
        self._pool: Any = None

    def clear(self) -> None:
        """Forget all graphs."""
        self._known.clear()
        self._calls.clear()

    def run(self, key: Hashable, compute: Compute) -> Tensor:
        """The function's result, which nothing will overwrite.

        Args:
            key: names the function and its shapes.
            compute: the function.
        """
        if not self.on:
            return compute()
        half = torch.is_autocast_enabled("cuda"), torch.get_autocast_dtype("cuda")
        key = key, half
        if key in self._known:
            self._known.move_to_end(key)
            return self._replay(key)
        # Autocast's cache would give a graph copies of weights that are freed when autocast ends.
        with torch.autocast("cuda", dtype=half[1], enabled=half[0], cache_enabled=False):
            return self._call(key, compute)

    def _call(self, key: Hashable, compute: Compute) -> Tensor:
        self._calls[key] += 1
        try:
            result = self._warm_up(compute)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            self._give_up(error)
            return compute()
        if self._calls[key] > BEFORE:
            try:
                self._known[key] = self._capture(compute)
                self._check(self._replay(key), result)
            except RuntimeError as error:
                self._give_up(error)
            if len(self._known) > MOST:
                self._known.popitem(last=False)
        return result

    def _replay(self, key: Hashable) -> Tensor:
        graph, result = self._known[key]
        graph.replay()
        self.replayed += 1
        return result.clone()  # the next replay overwrites it

    def _warm_up(self, compute: Compute) -> Tensor:
        """Call on the stream of the captures, so that libraries allocate what they need there, outside a capture."""
        if self._side is None:
            self._side = torch.cuda.Stream(self._device)
            self._pool = torch.cuda.graph_pool_handle()
        here, mode = torch.cuda.current_stream(self._device), torch.cuda.get_sync_debug_mode()
        self._side.wait_stream(here)
        torch.cuda.set_sync_debug_mode("error")
        try:
            with torch.cuda.stream(self._side):
                result = compute()
        finally:
            torch.cuda.set_sync_debug_mode(mode)
            here.wait_stream(self._side)
        result.record_stream(here)
        return result

    def _capture(self, compute: Compute) -> tuple[torch.cuda.CUDAGraph, Tensor]:
        graph = torch.cuda.CUDAGraph()
        # The outer context restores the stream also if the capture fails. Other threads, which may pin memory, are
        # not forbidden anything.
        with (
            torch.cuda.stream(torch.cuda.current_stream(self._device)),
            torch.cuda.graph(graph, pool=self._pool, stream=self._side, capture_error_mode="thread_local"),
        ):
            result = compute()
        self.captured += 1
        return graph, result

    def _check(self, replayed: Tensor, called: Tensor) -> None:
        apart, norm = torch.stack([(replayed - called).norm(), called.norm()]).tolist()
        if not apart <= CLOSE * norm:
            raise RuntimeError(f"the replay differs by {apart:g} from results of norm {norm:g}")

    def _give_up(self, error: RuntimeError) -> None:
        self.on = False
        self.clear()
        why = str(error).partition("\n")[0]
        logger.warning("writing without CUDA graphs, since one cannot be captured: %s", why)
