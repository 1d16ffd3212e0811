"""One run against another. Oracle: scipy's bootstrap and paired permutation test."""

import json

import numpy as np
import pytest
from test_score_command import write
from test_scorecard import STORIES, lines_of, worse

from vn.cli import main
from vn.errors import InputError
from vn.metrics.bootstrap import difference, interval, mean
from vn.score.against import check_tags, compare
from vn.score.scorecard import take


def copies(i, text):
    return text


@pytest.mark.oracle
def test_interval_is_scipys_percentile_interval_over_videos():
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(0)
    sums = np.column_stack([rng.gamma(2, size=60), np.ones(60)])
    theirs = stats.bootstrap(
        (sums[:, 0],), np.mean, n_resamples=5000, method="percentile", rng=np.random.default_rng(1)
    )
    ours = interval(sums, mean, resamples=5000)
    assert ours == pytest.approx((theirs.confidence_interval.low, theirs.confidence_interval.high), abs=0.02)


@pytest.mark.oracle
def test_p_values_are_near_scipys_paired_permutation_test():
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(0)
    for shift in (0.0, 0.15, 0.3):
        a = rng.normal(size=80)
        b = a + rng.normal(shift, 0.8, size=80)
        rows = [np.column_stack([x, np.ones(80)]) for x in (a, b)]
        ours = difference(*rows, mean, resamples=5000)
        theirs = stats.permutation_test(
            (b - a,), np.mean, permutation_type="samples", n_resamples=5000, rng=np.random.default_rng(1)
        )
        assert ours.p_value == pytest.approx(theirs.pvalue, abs=0.05)


def test_holm_and_the_metrics_that_cannot_be_compared():
    a, b = take(lines_of(copies), STORIES), take(lines_of(worse), STORIES)
    table = compare(a.measured, b.measured)
    assert table["cider"]["difference"] == pytest.approx(table["cider"]["ours"] - table["cider"]["other"])
    assert table["cider"]["difference"] > 0
    assert table["cider"]["p_value"] <= table["cider"]["p_holm"] <= 1
    assert table["cider"]["videos"] == 6
    ps = sorted((e["p_value"], e["p_holm"]) for e in table.values() if "p_value" in e)
    highest = 0.0
    for rank, (p, corrected) in enumerate(ps):
        highest = max(highest, min(1.0, p * (len(ps) - rank)))
        assert corrected == pytest.approx(highest)
    assert "no CLIP was chosen" in table["emscore"]["why"]
    same = compare(a.measured, a.measured)
    assert all(e["difference"] == 0 and e["p_value"] == 1 for e in same.values() if "p_value" in e)


def test_numbers_of_different_tags_are_refused_in_a_sentence():
    from vn.score.settings import ScoreSettings

    a, b = take(lines_of(), STORIES), take(lines_of(), STORIES, ScoreSettings("words"))
    table = compare(a.measured, b.measured)
    assert table["bleu_1"]["why"] == "bleu_1: numbers of different tokenisations are not compared: ptb and words"
    assert "p_value" in table["word_length_accuracy"], "its words are the same"
    for tag in ("tokenisation", "variant", "model"):
        with pytest.raises(InputError, match=f"m: numbers of different {tag}s are not compared: a and b"):
            check_tags("m", {tag: "a"}, {tag: "b"})


@pytest.fixture
def two_runs(tmp_path):
    for name, change in (("ours", copies), ("other", worse)):
        (tmp_path / name).mkdir()
        write(tmp_path / name / "predictions.predicted.jsonl", lines_of(change))
        write(tmp_path / name / "stories.jsonl", STORIES)
    return tmp_path / "ours", tmp_path / "other"


def test_on_the_command_line(two_runs, capsys):
    ours, other = two_runs
    assert main(["score", str(ours), "--against", str(other), "--by", "position"]) == 0
    out = capsys.readouterr().out
    assert "ours minus other, x100, paired over videos" in out
    assert "p (Holm)" in out
    assert "predicted by position" in out
    table = json.loads((ours / "scores.against.other.json").read_text())["predicted"]
    assert table["bleu_4"]["difference"] > 0
    assert not (other / "scores.json").exists(), "the other run is only read"


def test_other_clips_or_settings_are_refused(two_runs, capsys):
    ours, other = two_runs
    write(other / "stories.jsonl", STORIES[1:])
    write(other / "predictions.predicted.jsonl", lines_of(worse)[4:])
    assert main(["score", str(ours), "--against", str(other)]) == 2
    assert "video0: the two runs do not share clip 0 and its reference" in capsys.readouterr().err
    (other / "predictions.predicted.jsonl").rename(other / "predictions.given.jsonl")
    write(ours / "predictions.more.jsonl", lines_of())
    assert main(["score", str(ours), "--against", str(other)]) == 2
    assert "no setting in common: more, predicted here, given there" in capsys.readouterr().err
    assert not (ours / "scores.json").exists()
