"""How long a training step waits for its micro-batch: real-size features, read by the loader of `vn fit`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import contestants as c
import stories as s
import torch
from flops import Shape
from training import adamw
from trials import Result, Run, Trial

from vn.data.order import Unit
from vn.llm.kernels import prepared
from vn.train.loader import Loader, Source
from vn.train.micro_batches import MicroBatchPlan, MicroBatchReader
from vn.train.transfer import to_device

WORKERS = 2  # the default of `data.workers`


def loading(run: Run) -> Iterator[Trial]:
    """With workers."""
    yield Trial("wait", lambda: wait(run), least=20)


def wait(run: Run) -> Result:
    """The share of a step's time, one video a step."""
    file = run.folder / "train-00000.tar"
    shape: Shape = run.shape
    entries = s.write_shard(run.stories, file)
    prepare = partial(prepared, attention="auto", device=run.place.device)
    reader = MicroBatchReader(file.parent, entries, s.builder(shape.vocabulary), "tree", prepare=prepare)
    micros = [MicroBatchPlan([Unit(i, tuple(range(e.narrated)))], [i]) for i, e in enumerate(entries)]
    narrator = run.hold("trained", lambda: c.make_narrator(shape, run.place, tie_word_embeddings=False))
    optimizer = adamw(run, narrator)
    loader = Loader(
        Source(range(len(micros)), micros.__getitem__), reader.read, len(micros), WORKERS, pin=run.place.cuda
    )
    who = replace(c.OURS_CHECKPOINTED, kernel="auto")
    device = torch.device(run.place.device)
    begin = waited = 0.0
    for number, batch in enumerate(loader):
        who.step(narrator, [to_device(batch, device)], optimizer, run.place)
        if not number:  # the workers have started
            begin, waited = run.place.now()[0], loader.waited
    seconds = run.place.now()[0] - begin
    steps = len(micros) - 1
    return {
        "steps": steps,
        "workers": WORKERS,
        "seconds_per_step": seconds / steps,
        "megabytes_per_video": sum(e.bytes for e in entries) / len(entries) / 1e6,
        "waited_seconds": loader.waited - waited,
        "waited_share": (loader.waited - waited) / seconds,
    }
