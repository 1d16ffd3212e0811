"""Metrics of other packages: one number per video or per clip, and what is refused."""

import json
import sys
from types import ModuleType

import pytest
from finished_runs import make_stories, write_run

from vn.cli import main
from vn.errors import InputError
from vn.score.plugin_metrics import plugin_measures
from vn.score.predictions import gather
from vn.score.scorecard import take
from vn.score.settings import ScoreSettings
from vn.score.sums import Measure, NotComputed


def words(story, clips):
    return [len(clip.narration.split()) / 10 for clip in clips]


def clips_of(story, clips):
    return len(story.clips) / 10


def odd_words(story, clips):
    return [value if clip.clip % 2 else None for value, clip in zip(words(story, clips), clips, strict=True)]


words.tokenisation, words.variant = "spaces", "tenths"


@pytest.fixture
def use(monkeypatch):
    """Makes functions importable as metrics; gives their names."""
    module = ModuleType("made_up_metrics")
    monkeypatch.setitem(sys.modules, module.__name__, module)

    def named(*functions):
        for function in functions:
            setattr(module, function.__name__.strip("<>"), function)
        return tuple(f"made_up_metrics:{function.__name__.strip('<>')}" for function in functions)

    return named


@pytest.fixture
def run(tmp_path):
    return write_run(tmp_path / "run", make_stories(4))


def lines(file):
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def measured(run, *names):
    predictions, stories = lines(run / "predictions.predicted.jsonl"), lines(run / "stories.jsonl")
    return take(predictions, stories, ScoreSettings(metrics=names)).measured, predictions, stories


def test_one_number_per_clip_is_a_mean_over_clips(run, use):
    found, predictions, _ = measured(run, *use(words, odd_words))
    every = found["made_up_metrics:words"]
    assert isinstance(every, Measure)
    texts = {(line["video"], line["clip"]): len(line["narration"].split()) / 10 for line in predictions}
    assert every.value == pytest.approx(sum(texts.values()) / len(texts))
    assert (every.tokenisation, every.variant) == ("spaces", "tenths")
    odd = [value for (_, clip), value in texts.items() if clip % 2]
    assert found["made_up_metrics:odd_words"].value == pytest.approx(sum(odd) / len(odd))
    assert found["made_up_metrics:odd_words"].coverage["scored"] == len(odd)


def test_one_number_per_video_is_a_mean_over_videos(run, use):
    found, _, stories = measured(run, *use(clips_of))
    measure = found["made_up_metrics:clips_of"]
    assert measure.value == pytest.approx(sum(len(story["clips"]) for story in stories) / 10 / len(stories))
    assert measure.videos == tuple(sorted(measure.videos))
    assert measure.rows is None


def test_no_number_at_all_is_not_computed(run, use):
    found, _, _ = measured(run, *use(lambda story, clips: None))
    assert isinstance(found["made_up_metrics:lambda"], NotComputed)


@pytest.mark.parametrize(
    ("metric", "error"),
    [
        (lambda story, clips: [1.0], "expected a number or"),
        (lambda story, clips: "1.0", "expected a number or"),
        (lambda story, clips: float("nan"), "expected a number or"),
        (lambda story, clips: [float("inf")] * len(clips), "expected a number or"),
        (lambda story, clips: 1 / 0, "failed: ZeroDivisionError: division by zero"),
        (lambda story, clips: 1.0 if story.id.endswith("1") else [1.0] * len(clips), "one per clip for others"),
    ],
)
def test_what_is_not_numbers_is_refused_with_its_video(run, use, metric, error):
    with pytest.raises(InputError, match=error) as refused:
        measured(run, *use(metric))
    assert "metric made_up_metrics:lambda" in str(refused.value)


def test_without_stories_a_metric_gets_none(run, use):
    def known(story, clips):
        return float(story is not None)

    predictions = lines(run / "predictions.predicted.jsonl")
    assert take(predictions, None, ScoreSettings(metrics=use(known))).measured["made_up_metrics:known"].value == 0


def test_on_the_command_line_it_is_compared_and_broken_down(run, use, tmp_path, capsys):
    other = write_run(tmp_path / "other", make_stories(4), "no_memory", wrong=0.6)
    (name,) = use(words)
    none = ["--sentences", "none", "--judge", "none"]
    assert main(["score", str(run), "--metric", name, "--against", str(other), "--by", "position", *none]) == 0
    entry = json.loads((run / "scores.json").read_text())["predicted"][name]
    assert entry["module"] == name
    assert set(entry) >= {"value", "interval", "coverage", "by"}
    differences = json.loads((run / "scores.against.other.json").read_text())["predicted"][name]
    assert differences["difference"] == pytest.approx(differences["ours"] - differences["other"])
    main(["score", str(other), "--metric", name, *none])
    assert main(["compare", str(run), str(other), "--out", str(tmp_path / "compared")]) == 0
    assert name in (tmp_path / "compared" / "compare.csv").read_text()


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("cider", "'cider' is one of vn's own, which are always computed"),
        ("words", "no metric 'words'; there are"),
        ("made_up_metrics:none", "has no attribute 'none'"),
    ],
)
def test_a_name_that_is_not_a_metric_is_refused(run, use, capsys, name, error):
    use(words)
    assert main(["score", str(run), "--metric", name]) == 2
    assert error in capsys.readouterr().err


def test_a_metric_sees_each_video_once_with_its_clips_in_order(run, use):
    seen = []

    def look(story, clips):
        seen.append((story.id, [clip.clip for clip in clips]))
        return 1

    from vn.plugins import Extension

    test = gather(lines(run / "predictions.predicted.jsonl")[::-1], lines(run / "stories.jsonl"))
    plugin_measures(test, [Extension("metric", *2 * use(look))])
    assert [video for video, _ in seen] == sorted({clip.video for clip in test.clips})
    assert all(clips == sorted(clips) for _, clips in seen)
