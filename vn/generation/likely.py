"""The most likely tokens of all stories, brought to the host together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

Answer = tuple[Tensor, Tensor]
"""Logits ``[k]`` of the most likely tokens and these tokens ``[k]``, on the CPU."""


@dataclass(frozen=True, slots=True)
class Likely:
    """Requests the most likely tokens.

    Attributes:
        logits: ``[V]`` in fp32, on the model's device.
        count: k, how many; if it is 1, the answer may lack the logit.
    """

    logits: Tensor
    count: int


def most_likely(asked: Likely) -> Answer:
    """The answer to a single request."""
    if asked.count == 1:
        return asked.logits.new_empty(0), asked.logits.argmax(dim=0, keepdim=True).cpu()
    values, tokens = asked.logits.topk(asked.count)
    return values.cpu(), tokens.cpu()


def most_likely_of_all(asked: Sequence[Likely]) -> list[Answer]:
    """The answers to several requests, by a single transfer from the device."""
    count = max(each.count for each in asked)
    logits = torch.stack([each.logits for each in asked])
    if count == 1:  # the first among equal logits, which are frequent in bfloat16; topk takes any of them
        tokens = logits.argmax(dim=1, keepdim=True).cpu()
        return [(logits.new_empty(0), row) for row in tokens]
    values, tokens = logits.topk(count, dim=1)
    both = torch.cat([values.view(torch.int32), tokens.int()], dim=1).cpu()
    values, tokens = both[:, :count].view(torch.float32), both[:, count:].long()
    return [(values[n, : each.count], tokens[n, : each.count]) for n, each in enumerate(asked)]
