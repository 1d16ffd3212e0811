"""The judge that needs no download: a linear classifier of character n-grams, trained on the training split."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from vn.errors import InputError
from vn.extras import require
from vn.metrics.labels import agree, agree_exactly
from vn.score.judge import Answer
from vn.story import Labels, Language, ScriptLabel, Story, format_labels

HELD_OUT = 10  # one video in ten measures how good the judge is
FEWEST = 20  # narrations with labels; fewer are not enough to train on
LABELS = tuple(ScriptLabel)


class ClassifierJudge:
    """See `vn.score.judge.Judge`: one logistic regression per label, on tf-idf of character 1- to 4-grams.

    A tenth of the videos is held out: `held_out` is how often the judge agrees with their labels (sets intersect, sets
    are equal), without which its verdicts mean little.

    Args:
        stories: stories of the training split.
        language: language of their narrations.

    Raises:
        InputError: no scikit-learn, or too few labelled narrations.
    """

    workers = 1

    def __init__(self, stories: Sequence[Story], language: Language) -> None:
        if language not in {story.language for story in stories}:
            raise InputError("the classifier judge has no training stories in the language of the test")
        require("sklearn")
        known = [
            (story.id, clip.narration, clip.labels)
            for story in stories
            for clip in story.clips
            if clip.narration and clip.labels and story.language == language
        ]
        if len(known) < FEWEST:
            raise InputError(
                f"the classifier judge needs {FEWEST} labelled narrations, the training split has {len(known)}"
            )
        digest = hashlib.sha256()
        for video, narration, labels in known:
            digest.update(f"{video}\0{narration}\0{format_labels(labels, 'en')}\0".encode(errors="surrogatepass"))
        self.id = f"classifier@{digest.hexdigest()[:12]}"
        self.key = self.id
        self._language = language
        held = [each for each in known if _held_out(each[0])]
        used = [each for each in known if not _held_out(each[0])] or known
        self._fit([narration for _, narration, _ in used], [labels for _, _, labels in used])
        self.held_out: tuple[float, float] | None = None
        if held:
            found = [self.labels(narration) for _, narration, _ in held]
            pairs = [(labels, own) for labels, (_, _, own) in zip(found, held, strict=True)]
            self.held_out = (
                float(np.mean([agree(a, b) for a, b in pairs])),
                float(np.mean([agree_exactly(a, b) for a, b in pairs])),
            )

    def ask(self, narration: str) -> Answer:
        """See `Judge.ask`."""
        return Answer(format_labels(self.labels(narration), self._language))

    def labels(self, narration: str) -> Labels:
        """The labels more likely than not; the most likely one if there is none."""
        scores = np.full(len(LABELS), -np.inf)
        vector = self._vectors.transform([narration])
        for i, model in self._models.items():
            scores[i] = model if isinstance(model, float) else model.decision_function(vector)[0]
        chosen = [i for i in np.argsort(-scores, kind="stable") if scores[i] > 0] or [int(scores.argmax())]
        return tuple(LABELS[i] for i in chosen)

    def _fit(self, narrations: Sequence[str], labels: Sequence[Labels]) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression

        self._vectors = TfidfVectorizer(
            analyzer="char", ngram_range=(1, 4), min_df=2, sublinear_tf=True, max_features=50_000
        )
        features = self._vectors.fit_transform(narrations)
        self._models: dict[int, Any] = {}
        for i, label in enumerate(LABELS):
            has = np.array([label in own for own in labels])
            if has.all():
                self._models[i] = 1.0
            elif has.any():
                self._models[i] = LogisticRegression(C=30.0, max_iter=500, solver="liblinear").fit(features, has)


def _held_out(video: str) -> bool:
    return int(hashlib.sha256(f"judge {video}".encode()).hexdigest(), 16) % HELD_OUT == 0
