"""The judge that needs no download: a linear classifier of character n-grams, trained on the training split."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from vn.errors import InputError
from vn.extras import require
from vn.io.disk_cache import DiskCache
from vn.metrics.labels import agree, agree_exactly
from vn.score.judge import Answer
from vn.score.kept import kept, versions
from vn.story import Labels, Language, ScriptLabel, Story, format_labels

HELD_OUT = 10  # one video in ten measures how good the judge is
FEWEST = 20  # narrations with labels; fewer are not enough to train on
LABELS = tuple(ScriptLabel)
PACKAGES = ("scikit-learn", "scipy", "numpy")  # that it learns with


class ClassifierJudge:
    """See `vn.score.judge.Judge`: one logistic regression per label, on tf-idf of character 1- to 4-grams.

    A tenth of the videos is held out: `held_out` is how often the judge agrees with their labels (sets intersect, sets
    are equal), without which its verdicts mean little. It learns when it is first asked something that is not kept.

    Args:
        stories: stories of the training split, or a function that reads them.
        language: language of their narrations.
        cache: keeps `held_out`, and by `state` the hash of the stories.
        state: all that the stories depend on (`vn.score.training.training_state`): as long as it is the same they are
            read only to learn from them; None if it is not known.

    Raises:
        InputError: no scikit-learn, or too few labelled narrations.
    """

    workers = 1

    def __init__(
        self,
        stories: Sequence[Story] | Callable[[], Sequence[Story]],
        language: Language,
        cache: DiskCache | None = None,
        state: str | None = None,
    ) -> None:
        self._stories = stories
        self._language = language
        self._cache = cache or DiskCache()
        if state is None:
            self._sha256 = self._hash()
        else:
            found = kept(self._cache, "classifier's stories", f"{language} {state}", lambda: self._hash().encode())
            self._sha256 = found.decode()
        require("sklearn")
        self.id = f"classifier@{self._sha256[:12]}"
        code = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
        self.key = f"{self.id} {code} {versions(PACKAGES)}"

    @cached_property
    def _known(self) -> list[tuple[str, str, Labels]]:
        """Video, narration and labels of each clip to learn from."""
        stories = self._stories() if callable(self._stories) else self._stories
        if self._language not in {story.language for story in stories}:
            raise InputError("the classifier judge has no training stories in the language of the test")
        require("sklearn")
        known = [
            (story.id, clip.narration, clip.labels)
            for story in stories
            for clip in story.clips
            if clip.narration and clip.labels and story.language == self._language
        ]
        if len(known) < FEWEST:
            raise InputError(
                f"the classifier judge needs {FEWEST} labelled narrations, the training split has {len(known)}"
            )
        return known

    def _hash(self) -> str:
        digest = hashlib.sha256()
        for video, narration, labels in self._known:
            digest.update(f"{video}\0{narration}\0{format_labels(labels, 'en')}\0".encode(errors="surrogatepass"))
        return digest.hexdigest()

    @cached_property
    def held_out(self) -> tuple[float, float] | None:
        """How often it agrees with the labels of the videos held out; None if there are none."""

        def measured() -> bytes:
            held = [each for each in self._known if _held_out(each[0])]
            if not held:
                return b"null"
            found = self._labels([narration for _, narration, _ in held])
            pairs = [(labels, own) for labels, (_, _, own) in zip(found, held, strict=True)]
            rates = [float(np.mean([rule(a, b) for a, b in pairs])) for rule in (agree, agree_exactly)]
            return json.dumps(rates).encode()

        rates = json.loads(kept(self._cache, f"{self.key} held out", self._sha256, measured))
        return None if rates is None else (rates[0], rates[1])

    def ask(self, narration: str) -> Answer:
        """See `Judge.ask`."""
        return self.ask_all([narration])[0]

    def ask_all(self, narrations: Sequence[str]) -> list[Answer]:
        """See `vn.score.judge.BatchJudge.ask_all`."""
        return [Answer(format_labels(labels, self._language)) for labels in self._labels(narrations)]

    def labels(self, narration: str) -> Labels:
        """The labels more likely than not; the most likely one if there is none."""
        return self._labels([narration])[0]

    def _labels(self, narrations: Sequence[str]) -> list[Labels]:
        vectorise, models = self._learnt
        vectors = vectorise.transform(narrations)
        scores = np.full((len(narrations), len(LABELS)), -np.inf)
        for i, model in models.items():
            scores[:, i] = model if isinstance(model, float) else model.decision_function(vectors)
        chosen = [[i for i in np.argsort(-row, kind="stable") if row[i] > 0] or [int(row.argmax())] for row in scores]
        return [tuple(LABELS[i] for i in each) for each in chosen]

    @cached_property
    def _learnt(self) -> tuple[Any, dict[int, Any]]:
        """The vectoriser, and by label its regression, or a number if all narrations have the label."""
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression

        used = [each for each in self._known if not _held_out(each[0])] or self._known
        vectors = TfidfVectorizer(analyzer="char", ngram_range=(1, 4), min_df=2, sublinear_tf=True, max_features=50_000)
        features = vectors.fit_transform([narration for _, narration, _ in used])
        models: dict[int, Any] = {}
        for i, label in enumerate(LABELS):
            has = np.array([label in own for _, _, own in used])
            if has.all():
                models[i] = 1.0
            elif has.any():
                models[i] = LogisticRegression(C=30.0, max_iter=500, solver="liblinear").fit(features, has)
        return vectors, models


def _held_out(video: str) -> bool:
    return int(hashlib.sha256(f"judge {video}".encode()).hexdigest(), 16) % HELD_OUT == 0
