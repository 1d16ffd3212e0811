"""A loader of micro-batches or videos, in their planned order."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import webdataset as wds
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from vn.errors import InputError

AHEAD = 4  # items that are announced before they are read


class Source(IterableDataset[Any]):
    """Yields the items of this worker, so that the loader, which polls workers in turn, yields them in order.

    Args:
        indices: the items' numbers.
        item: gives an item by its number.
        announce: called with each item, several times, before it is yielded: see `vn.data.shards.announce`.
    """

    def __init__(
        self, indices: range, item: Callable[[int], Any], announce: Callable[[Any], None] = lambda item: None
    ) -> None:
        self.indices = indices
        self.item = item
        self.announce = announce

    def __iter__(self) -> Iterator[Any]:
        worker = get_worker_info()
        mine = self.indices[worker.id :: worker.num_workers] if worker else self.indices
        coming: deque[Any] = deque()
        for i in mine:
            coming.append(self.item(i))
            if len(coming) > AHEAD:
                yield self._announced(coming)
        while coming:
            yield self._announced(coming)

    def _announced(self, coming: deque[Any]) -> Any:
        for item in coming:  # again, since there may not have been room before
            self.announce(item)
        return coming.popleft()


@dataclass(frozen=True, slots=True)
class _Reading:
    """Reads items; a class, so that workers that are spawned rather than forked get it."""

    read: Callable[[Any], Any]

    def __call__(self, items: Iterator[Any]) -> Iterator[Any]:
        # A worker's error would reach the user wrapped in a traceback, so it is passed as a value.
        for item in items:
            try:
                yield self.read(item)
            except InputError as error:
                yield error
                return


class Loader:
    """A DataLoader over a `webdataset.DataPipeline`, with the right length.

    Its length is that of the whole epoch: Lightning counts batches that ran before a resume against it. It wraps a
    DataLoader rather than being one, since Lightning modifies DataLoaders to inject samplers.

    Args:
        source: what to read, in order.
        read: reads one of them.
        length: items of the whole epoch.
        workers: processes that read.
        pin: put batches into pinned memory, from which CUDA copies them while the host goes on.
    """

    def __init__(
        self, source: Source, read: Callable[[Any], Any], length: int, workers: int, pin: bool = False
    ) -> None:
        self.length = length
        self.waited = 0.0  # seconds spent waiting for items
        pipeline = wds.DataPipeline(source, _Reading(read))
        self.loader = DataLoader(pipeline, batch_size=None, num_workers=min(workers, length), pin_memory=pin)

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[Any]:
        items = iter(self.loader)
        while True:
            start = time.perf_counter()
            item = next(items, None)
            self.waited += time.perf_counter() - start
            if item is None:
                return
            if isinstance(item, InputError):
                raise item
            yield item
