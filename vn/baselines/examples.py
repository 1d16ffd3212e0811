"""Which training stories a few-shot prompt shows: of the same category if the data has any, else the most alike.

The paper takes the three of the same domain with the highest click-through rates, which were not released.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable

from vn.baselines.context import Context
from vn.baselines.source import Data, Shards
from vn.baselines.writer import VideoContent
from vn.errors import InputError
from vn.story import Domain, Language, Story

RULE = (
    "stories of the same category first, else those with the highest Jaccard index of knowledge aspects and title words"
    " (Chinese: pairs of characters); ties by sha256 of seed, story and example; never a story of the same video"
)
LATIN_WORD = re.compile(r"[^\W_\u3400-\u9fff]+")
HAN_RUN = re.compile(r"[\u3400-\u9fff]+")


class Examples:
    """Chooses examples among training stories; the same ones for the same story, seed and training stories.

    Args:
        stories: training stories that can be shown, see `usable`.
        count: number of examples per story.
        seed: random seed.

    Raises:
        InputError: there are fewer stories than examples.
    """

    def __init__(self, stories: Iterable[Story], count: int, seed: int) -> None:
        self.stories = sorted(stories, key=lambda story: story.id)
        self.count = count
        self.seed = seed
        if len(self.stories) < count:
            message = f"{count} examples need as many training stories with narrations"
            raise InputError(f"{message} (and labels, if the domain has any), but there are {len(self.stories)}")
        self._features = {story.id: features(story) for story in self.stories}

    @property
    def sha256(self) -> str:
        """Hash of the training stories: with rule, seed and count, it decides which examples a story gets."""
        digest = hashlib.sha256()
        for story in self.stories:
            digest.update(json.dumps(story.to_dict(), ensure_ascii=False, sort_keys=True).encode() + b"\n")
        return digest.hexdigest()

    def of(self, story: Story) -> list[Story]:
        """The examples for a story, by `RULE`, the best one last: nearest to the question.

        Raises:
            InputError: too few are left without those of the same video.
        """
        others = [each for each in self.stories if not same_video(each, story)]
        if len(others) < self.count:
            message = (
                f"{self.count} examples need as many training stories of other videos, but there are {len(others)}"
            )
            raise InputError(message, sample=story.id)
        mine = features(story)
        ranked = sorted((self._rank(each, story, mine), each.id, each) for each in others)
        return [each for *_, each in reversed(ranked[: self.count])]

    def _rank(self, example: Story, story: Story, mine: frozenset[str]) -> tuple[float, str]:
        same = story.category is not None and example.category == story.category
        alike = 2.0 if same else jaccard(mine, self._features[example.id])
        drawn = hashlib.sha256(f"{self.seed}\0{story.id}\0{example.id}".encode()).hexdigest()
        return -alike, drawn


def features(story: Story) -> frozenset[str]:
    """What a story is compared by: knowledge aspects, and words of the title."""
    aspects = {f"aspect {each.aspect.casefold()}" for each in story.knowledge}
    title = story.title.casefold()
    words = {f"word {word}" for word in LATIN_WORD.findall(title)}
    for run in HAN_RUN.findall(title):
        words |= {f"word {run[i : i + 2]}" for i in range(max(1, len(run) - 1))}
    return frozenset(aspects | words)


def jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    """Share of what two sets have in common; 0 if both are empty."""
    union = len(one | other)
    return len(one & other) / union if union else 0.0


def same_video(one: Story, other: Story) -> bool:
    """Whether two stories are of one video, as far as their ids and videos say."""
    return one.id == other.id or (one.video is not None and one.video == other.video)


def usable(story: Story, language: Language, domain: Domain) -> bool:
    """Whether a story can be an example: narrated, of the language and domain, with labels if the domain has any."""
    if story.language != language or story.domain != domain or not story.narrated:
        return False
    return domain == "general" or all(story.clips[clip].labels for clip in story.narrated)


def training_videos(context: Context) -> list[tuple[Story, VideoContent]]:
    """The stories of the data's train split that can be examples, and what can be seen in their videos.

    Raises:
        InputError: there is no data folder, its train split is empty, or a story cannot be read.
    """
    if context.data is None or context.manifest is None:
        raise InputError("examples are training stories: give --data, or --examples 0", field="--examples")
    source = Shards(Data(context.data, context.manifest), "train", None, context.videos, context.findings)
    videos = map(source.read, range(len(source.keys)))
    return [(story, content) for story, content in videos if usable(story, context.language, context.domain)]
