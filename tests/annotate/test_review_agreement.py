"""How two reviewers agree, beside scikit-learn and counts by hand; clips that one of them split belong together."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reviewed_stories import drafts_in, review_of, write_review, write_stories

from vn.annotate.results import ReviewedClip
from vn.annotate.review.agreement import agree, kappa
from vn.annotate.review.matching import NEAR, groups, matched_cuts
from vn.cli import main
from vn.story import ScriptLabel

LABELS = list(ScriptLabel)


def clips_at(cuts, texts=None, labels=None):
    """Clips from 0 to 20 s with these cuts."""
    times = [0.0, *cuts, 20.0]
    count = len(times) - 1
    texts, labels = texts or ["x"] * count, labels or [(LABELS[0],)] * count
    return [ReviewedClip(*span) for span in zip(times[:-1], times[1:], texts, labels, strict=True)]


def reviewed(random, videos=12):
    """Two reviewers of the same clips, who agree more often than not."""
    out = []
    for _ in range(videos):
        count = int(random.integers(2, 9))
        cuts = np.cumsum(random.uniform(1, 2, count - 1)).tolist()
        one = [tuple(np.array(LABELS)[random.permutation(12)[: random.integers(1, 4)]]) for _ in range(count)]
        other = [own if random.random() < 0.7 else one[random.integers(count)] for own in one]
        texts = ["".join(random.choice(list("abc d"), 9)) for _ in range(count)]
        changed = [text if random.random() < 0.5 else f"{text[2:]}e" for text in texts]
        out.append((clips_at(cuts, texts, one), clips_at(cuts, changed, other), "en"))
    return out


@pytest.mark.oracle
@pytest.mark.parametrize("seed", range(4))
def test_kappa_of_each_label_is_that_of_scikit_learn(seed):
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    videos = reviewed(np.random.default_rng(seed))
    found = agree(("Ann", "Bob"), videos)
    defined = []
    for label in LABELS:
        one = [label in clip.labels for first, _, _ in videos for clip in first]
        other = [label in clip.labels for _, second, _ in videos for clip in second]
        if not any(one + other) or all(one + other):
            assert found.kappa[label].value is None
            continue
        defined.append(metrics.cohen_kappa_score(one, other))
        assert found.kappa[label].value == pytest.approx(defined[-1], abs=1e-12)
    assert len(defined) > 8
    assert found.mean_kappa.value == pytest.approx(np.mean(defined), abs=1e-12)
    assert found.mean_kappa.low < found.mean_kappa.value < found.mean_kappa.high


def test_texts_labels_and_cuts_are_counted():
    first = clips_at([5.0, 10.0], ["one cup", "two", "three"], [(LABELS[0],), (LABELS[1], LABELS[2]), (LABELS[3],)])
    second = clips_at([5.3, 12.0], ["one cap", "two", "three"], [(LABELS[0],), (LABELS[2], LABELS[1]), (LABELS[4],)])
    same = agree(("Ann", "Bob"), [(first, first, "en")] * 3)
    assert (same.clips, same.split, same.same_labels, same.distance.value) == (9, 0, (1.0, 1.0, 1.0), 0)
    found = agree(("Ann", "Bob"), [(first, second, "en")])
    assert (found.clips, found.split) == (2, 0)  # the second cut is not shared: the last two clips are one
    assert found.cuts.value == 0.5
    assert found.apart.value == pytest.approx(0.3)
    assert found.same_labels.value == 0.5
    assert found.same_texts.value == 0.5
    assert found.distance.value == pytest.approx(1 / 7 / 2)


def test_a_clip_that_one_of_them_split_is_compared_as_a_whole():
    first = clips_at([5.0], ["one two", "three"], [(LABELS[0], LABELS[1]), (LABELS[2],)])
    second = clips_at([2.0, 5.2], ["one", "two", "three"], [(LABELS[0],), (LABELS[1],), (LABELS[2],)])
    found = agree(("Ann", "Bob"), [(first, second, "en")])
    assert (found.clips, found.split) == (2, 1)
    assert (found.same_labels.value, found.same_texts.value) == (1, 1)
    assert found.cuts.value == pytest.approx(2 / 3)
    chinese = [(clips_at([], ["一二"]), clips_at([5.0], ["一", "二"]), "zh")]
    assert agree(("Ann", "Bob"), chinese).same_texts.value == 1


def test_kappa_where_nobody_could_disagree():
    assert np.isnan(kappa(np.array([0.0, 0, 0, 9])))
    assert np.isnan(kappa(np.array([9.0, 0, 0, 0])))
    assert kappa(np.array([[9.0, 0, 0, 1], [0, 5, 5, 0]])).tolist() == [1.0, -1.0]


CUTS = st.lists(st.floats(0.1, 19.9), max_size=8, unique=True).map(sorted)


@given(CUTS, CUTS)
def test_every_clip_is_in_one_group_in_order(one, other):
    first, second = clips_at(one), clips_at(other)
    cuts = matched_cuts(first, second)
    found = groups(first, second, cuts)
    assert [clip for group in found for clip in group.first] == first
    assert [clip for group in found for clip in group.second] == second
    assert all(group.first and group.second for group in found)
    assert len(found) == len(cuts.pairs) + 1
    assert all(abs(a - b) <= NEAR for a, b in cuts.pairs)


@given(CUTS)
def test_the_same_cuts_are_all_paired(cuts):
    first = clips_at(cuts)
    found = matched_cuts(first, first)
    assert found.pairs == tuple((cut, cut) for cut in cuts)


@pytest.fixture(scope="module")
def stories(tmp_path_factory):
    return write_stories(tmp_path_factory.mktemp("agreement"))


def test_the_command_prints_and_writes_it(stories, capsys, tmp_path):
    drafts = list(drafts_in(stories).values())
    first, second = review_of(drafts, "Ann"), review_of(drafts, "Bob")
    second["videos"][0]["clips"][0] |= {"narration": "Cold tea.", "labels": ["Others"]}
    second["videos"][1]["clips"][0]["state"] = "open"
    write_review(stories, first)
    assert main(["review", "agreement", str(stories)]) == 2
    assert "there is no video of which two reviewers both reviewed every clip" in capsys.readouterr().err
    write_review(stories, second)
    assert main(["review", "agreement", str(stories), "--out", str(tmp_path / "a.json")]) == 0
    printed = capsys.readouterr()
    assert "Ann and Bob: 1 videos, 3 clips" in printed.out
    assert "1 videos do not count: one of the two reviewers left clips open" in printed.err
    (found,) = json.loads((tmp_path / "a.json").read_text())
    assert found["same_labels"] == {"value": pytest.approx(2 / 3), "interval": None}
    assert found["kappa"]["Others"]["value"] == 0
    assert main(["review", "agreement", str(stories), "--reviewers", "Ann", "Bobb"]) == 2
    assert "'Bobb' has saved no review (did you mean 'Bob'?)" in capsys.readouterr().err
