"""N-grams of the narrations that a narrator was trained on, which its adapter folder keeps for drafts."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from itertools import islice

from vn.data.shards import announce, read_story
from vn.errors import InputError
from vn.io.retries import Unreachable
from vn.llm.ngrams import Ngrams, count
from vn.llm.rows import RowBuilder
from vn.story import Story
from vn.train.datamodule import StoryDataModule

logger = logging.getLogger(__name__)
AHEAD = 4  # stories that are announced before they are read
TOGETHER = 64  # stories whose texts are tokenised at once


def training_ngrams(builder: RowBuilder, data: StoryDataModule) -> Ngrams | None:
    """The n-grams of the train split's labels and narrations.

    Training is over by now: what cannot be read is left out with a warning, and does not cost the weights.

    Args:
        builder: the narrator's row builder.
        data: what it was trained on.

    Returns:
        None if the data folder is out of reach.
    """
    unread: list[str] = []
    try:
        ngrams = count(_texts(builder, data, unread))
    except Unreachable as error:
        logger.warning("the adapter has no n-grams for drafts: %s", error)
        return None
    if unread:
        logger.warning("not in the n-grams for drafts: %d videos, the first: %s", len(unread), unread[0])
    return ngrams


def _texts(builder: RowBuilder, data: StoryDataModule, unread: list[str]) -> Iterator[list[int]]:
    entries, folder = data.entries("train"), data.folder
    coming = iter(entries)
    for entry in islice(coming, AHEAD - 1):
        announce(folder / entry.shard, entry, whole=False)
    stories: list[Story] = []
    for entry in entries:
        for later in islice(coming, 1):
            announce(folder / later.shard, later, whole=False)
        try:
            stories.append(read_story(folder / entry.shard, entry))
        except Unreachable:
            raise
        except InputError as error:
            unread.append(str(error))
        if len(stories) == TOGETHER:
            yield from builder.written_ids(stories)
            stories = []
    yield from builder.written_ids(stories)
