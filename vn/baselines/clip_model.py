"""What a model is that sees one clip at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from vn.baselines.writer import VideoContent
from vn.errors import InputError
from vn.story import Clip


class TooLong(InputError):
    """A question and its answer do not fit into a model's context."""


class Seen(Protocol):
    """What a model sees of a clip."""

    @property
    def sha256(self) -> str:
        """A hash of it."""


class ClipModel(Protocol):
    """A model that is shown a clip and answers questions about it, greedily.

    Attributes:
        id: its name for readers.
        settings: what its answers depend on besides their questions.
        plain: makes texts of a story safe to be part of a question.
    """

    id: str
    settings: Mapping[str, Any]
    plain: Callable[[str], str]

    def watch(self, content: VideoContent, sample: str) -> Callable[[Clip], Any]:
        """Open a video.

        Args:
            content: what can be seen in it.
            sample: its id, for messages.

        Returns:
            From a clip to what the model sees of it, a `Seen`.
        """

    def write(self, seen: Any, turns: Sequence[str], most: int) -> str:
        """The answer to the last turn, on one line.

        Args:
            seen: what it sees.
            turns: the user's and the model's texts in turn, the user's first and last.
            most: most tokens of the answer.

        Raises:
            TooLong: question and answer do not fit into its context.
        """
