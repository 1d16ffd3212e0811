"""Stories in parallel: as many at a time as there are slots; when one is finished, the next takes its slot."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from vn.errors import InputError
from vn.generation.decoder import Decoder, Request, Slot, Work, is_single
from vn.generation.likely import Likely, most_likely, most_likely_of_all

logger = logging.getLogger(__name__)

WAIT = 4  # longer requests wait until 1/WAIT of the stories have one


@dataclass(frozen=True, slots=True)
class _Story:
    """Something to write: how to begin, and what to call at its end."""

    begin: Callable[[Slot], Work[Any]]
    done: Callable[[Any], None]
    failed: Callable[[InputError], None] | None


@dataclass(slots=True, eq=False)
class _Going:
    story: _Story
    slot: Slot
    work: Work[Any]
    request: Request | Likely | None = None


class Pool:
    """Writes many things at once, each independent of the others.

    If the device's memory is not enough, half as many are written at once from then on.

    Args:
        decoder: reads for all of them.
        rows: how many at once, which bounds the memory used.
    """

    def __init__(self, decoder: Decoder, rows: int) -> None:
        self.decoder = decoder
        self.rows = rows
        self._going: list[_Going] = []
        self._stopped: list[_Story] = []
        self._free = [Slot(n) for n in range(rows)]

    @torch.inference_mode()
    def add(
        self,
        begin: Callable[[Slot], Work[Any]],
        done: Callable[[Any], None],
        failed: Callable[[InputError], None] | None = None,
    ) -> None:
        """Add another; if all slots are taken, work until one is free.

        Args:
            begin: returns the work for a slot; called again if memory was not enough, to go on with what is unfinished.
            done: called with what was written.
            failed: called with the error if the work ends in an `InputError`, so that the others go on; None raises it.
        """
        while self._stopped or not self._free:
            self._step()
        self._begin(_Story(begin, done, failed))

    @torch.inference_mode()
    def finish(self) -> None:
        """Work until everything is written."""
        while self._going or self._stopped:
            self._step()

    def _begin(self, story: _Story) -> None:
        self._free.sort(key=lambda slot: slot.number)
        slot = self._free.pop(0)
        going = _Going(story, slot, story.begin(slot))
        self._going.append(going)
        self._in_memory(lambda: self._go_on([(going, None)]))

    def _step(self) -> None:
        while self._stopped and self._free:
            self._begin(self._stopped.pop(0))
        self._in_memory(self._pass)

    def _pass(self) -> None:
        ready = self._ready()
        answers = self.decoder.answer([(each.slot, each.request) for each in ready])  # type: ignore[misc]
        self._go_on(list(zip(ready, answers, strict=True)))

    def _ready(self) -> Sequence[_Going]:
        """Those that the next pass is for.

        Passes of single tokens are cheap if they are static. So that most are, prompts and labels wait for some
        others, and are read together.
        """
        if self.decoder.static is not None:
            single = [each for each in self._going if is_single(each.request)]
            if single and WAIT * (len(self._going) - len(single)) < len(self._going):
                return single
        return list(self._going)

    def _go_on(self, answered: Sequence[tuple[_Going, Any]]) -> None:
        """Send answers, until all have requests for the decoder."""
        while answered:
            for each, answer in answered:
                self._send(each, answer)
            asking = [each for each in self._going if isinstance(each.request, Likely)]
            asked = [each.request for each in asking if isinstance(each.request, Likely)]
            answered = list(zip(asking, most_likely_of_all(asked), strict=True)) if asked else []

    def _send(self, each: _Going, answer: Any) -> None:
        together = self.decoder.device.type != "cpu" or self.decoder.static is not None
        try:
            each.request = each.work.send(answer)
            while isinstance(each.request, Likely) and not together:
                each.request = each.work.send(most_likely(each.request))
        except StopIteration as end:
            self._give_back(each)
            each.story.done(end.value)
        except InputError as error:
            if each.story.failed is None:
                raise
            self._give_back(each)
            each.story.failed(error)

    def _give_back(self, each: _Going) -> None:
        self._going.remove(each)
        each.slot.keep(0)
        self._free.append(each.slot)

    # -- out of memory ------------------------------------------------------------------------------------------------

    def _in_memory(self, work: Callable[[], None]) -> None:
        """Do something, or go on with half as many stories if it takes too much memory.

        Raises:
            OutOfMemoryError: there is only one.
        """
        try:
            work()
        except torch.OutOfMemoryError:
            if self.rows == 1:
                raise
        else:
            return
        self._halve()  # only here: the error has frames, and these what they had in memory

    def _halve(self) -> None:
        """Stop all stories, forget what they read, and make room for half as many; they go on with their clips."""
        before, self.rows = self.rows, self.rows // 2
        logger.warning("out of memory with %d videos at once: going on with %d", before, self.rows)
        for each in self._going:
            each.work.close()
            self._stopped.append(each.story)
        self._going = []
        self._free = [Slot(n) for n in range(self.rows)]
        self.decoder.forget()
