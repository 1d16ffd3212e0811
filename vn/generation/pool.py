"""Stories in parallel: as many at a time as there are slots; when one is finished, the next takes its slot."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from vn.errors import InputError
from vn.generation.decoder import Decoder, Request, Slot

Work = Generator[Request, Tensor, Any]
"""Something that is being written: yields requests, is sent the answers, returns what it wrote."""


@dataclass(slots=True)
class _Going:
    slot: Slot
    work: Work
    request: Request
    done: Callable[[Any], None]
    failed: Callable[[InputError], None] | None


class Pool:
    """Writes many things at once, each independent of the others.

    Args:
        decoder: reads for all of them.
        rows: how many at once, which bounds the memory used.
    """

    def __init__(self, decoder: Decoder, rows: int) -> None:
        self.decoder = decoder
        self.rows = rows
        self._going: list[_Going] = []
        self._free = [Slot(n) for n in range(rows)]

    @torch.inference_mode()
    def add(
        self,
        begin: Callable[[Slot], Work],
        done: Callable[[Any], None],
        failed: Callable[[InputError], None] | None = None,
    ) -> None:
        """Add another; if all slots are taken, work until one is free.

        Args:
            begin: returns the work for a slot.
            done: called with what was written.
            failed: called with the error if the work ends in an `InputError`, so that the others go on; None raises it.
        """
        while not self._free:
            self._step()
        self._free.sort(key=lambda slot: slot.number)
        slot = self._free.pop(0)
        self._go_on(slot, begin(slot), None, done, failed)

    @torch.inference_mode()
    def finish(self) -> None:
        """Work until everything is written."""
        while self._going:
            self._step()

    def _step(self) -> None:
        going, self._going = self._going, []
        answers = self.decoder.answer([(each.slot, each.request) for each in going])
        for each, answer in zip(going, answers, strict=True):
            self._go_on(each.slot, each.work, answer, each.done, each.failed)

    def _go_on(
        self,
        slot: Slot,
        work: Work,
        answer: Tensor | None,
        done: Callable[[Any], None],
        failed: Callable[[InputError], None] | None,
    ) -> None:
        try:
            request = work.send(answer)  # type: ignore[arg-type]  # None starts it
        except StopIteration as end:
            self._give_back(slot)
            done(end.value)
        except InputError as error:
            if failed is None:
                raise
            self._give_back(slot)
            failed(error)
        else:
            self._going.append(_Going(slot, work, request, done, failed))

    def _give_back(self, slot: Slot) -> None:
        slot.keep(0)
        self._free.append(slot)
