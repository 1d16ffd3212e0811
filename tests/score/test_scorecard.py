"""The scorecard: what is counted, what is left out and reported, and what is refused."""

from __future__ import annotations

import copy
import json
import time

import pytest

from vn.errors import Findings, InputError
from vn.metrics.bleu import bleu
from vn.metrics.cider import cider
from vn.metrics.meteor import meteor
from vn.metrics.repetition import intra_repetition
from vn.metrics.tokenisation import ptb
from vn.score.measures import EMSCORES, FACTS, INFORMATION, JUDGED, METRICS
from vn.score.scorecard import paired_difference, score
from vn.score.settings import ScoreSettings
from vn.score.text_measures import TEXT_RELEASED

ALWAYS = tuple(name for name in METRICS if name not in FACTS)  # facts: test_facts.py
ONLY_CHINESE = (*TEXT_RELEASED, "intra_repetition_released")  # test_released_values.py
WITH_MODELS = (*EMSCORES, *INFORMATION, *JUDGED)  # test_embedded.py, test_judge.py

TEXTS = ["A red cup shines.", "The cup isn't heavy at all.", "Buy the red cup today, it's cheap.", "It keeps tea warm."]


def make_story(name: str, clips: int = 4) -> dict:
    return {
        "id": name,
        "title": "Red cup",
        "language": "en",
        "domain": "ad",
        "knowledge": [],
        "clips": [
            {"start": 4 * i, "end": 4 * i + 4, "labels": ["Others"], "narration": f"{TEXTS[i % 4]} {name}"}
            for i in range(clips)
        ],
    }


def make_lines(story: dict, change=lambda i, text: text) -> list[dict]:
    return [
        {
            "video": story["id"],
            "clip": i,
            "start": clip["start"],
            "end": clip["end"],
            "labels": ["Others"],
            "labels_given": None,
            "narration": change(i, clip["narration"]),
            "word_range": [1, 8],
            "range_source": "duration",
            "reference": clip["narration"],
            "reference_labels": clip["labels"],
        }
        for i, clip in enumerate(story["clips"])
    ]


STORIES = [make_story(f"video{i}") for i in range(6)]


def lines_of(change=lambda i, text: text) -> list[dict]:
    return [line for story in STORIES for line in make_lines(story, change)]


def worse(i: int, text: str) -> str:
    return " ".join(text.split()[::-1][: 2 + i])


def test_values_are_those_of_the_pure_functions():
    lines = lines_of(worse)
    scores = score(lines, STORIES)
    hypotheses = [ptb(line["narration"]) for line in lines]
    references = [[ptb(line["reference"])] for line in lines]
    assert [scores[f"bleu_{n}"]["value"] for n in (1, 2, 3, 4)] == pytest.approx(bleu(hypotheses, references))
    assert scores["meteor"]["value"] == pytest.approx(meteor(hypotheses, references))
    assert scores["cider"]["value"] == pytest.approx(cider(hypotheses, references))
    videos = [hypotheses[4 * i : 4 * i + 4] for i in range(6)]
    assert scores["intra_repetition"]["value"] == pytest.approx(intra_repetition(videos))
    assert scores["word_length_accuracy"]["value"] == 1.0
    assert scores["label_agreement"]["value"] == scores["label_exact"]["value"] == 1.0
    assert tuple(scores) == ALWAYS
    assert scores == score(lines, STORIES) == score(lines), "the predictions' own references are the stories'"


def test_every_number_has_its_tags_and_interval():
    scores = score(lines_of(worse), STORIES)
    for name, entry in scores.items():
        if entry["value"] is None:
            assert set(entry) == {"value", "why"}, name
            continue
        assert set(entry) == {"value", "tokenisation", "variant", "coverage", "interval"}, name
        assert entry["coverage"] == {"clips": 24, "scored": 24, "empty": 0, "missing": 0, "videos": 6}
        low, high = entry["interval"]
        assert low <= entry["value"] <= high
    assert scores["bleu_1"]["tokenisation"] == scores["cider"]["tokenisation"] == "ptb"
    assert scores["meteor"]["variant"] == "exact"
    assert scores["word_length_accuracy"]["variant"] == "duration"
    assert scores["intra_repetition_released"] == {
        "value": None,
        "why": "the released computation is one of Chinese words",
    }
    json.dumps(scores, allow_nan=False)


def test_missing_and_empty_count_as_empty_and_are_named():
    lines = lines_of()
    empty = copy.deepcopy(lines)
    empty[1]["narration"] = empty[2]["narration"] = " "
    missing = [line for i, line in enumerate(empty) if i != 2]
    findings = Findings()
    scores = score(missing, STORIES, findings=findings)
    same = score(empty, STORIES)
    for name in ALWAYS:
        if not name.startswith("label"):
            assert scores[name]["value"] == same[name]["value"], name
    assert scores["bleu_1"]["coverage"] == {"clips": 24, "scored": 24, "empty": 1, "missing": 1, "videos": 6}
    assert scores["bleu_4"]["value"] < score(lines, STORIES)["bleu_4"]["value"]
    assert scores["word_length_accuracy"]["value"] == 22 / 24
    assert scores["label_agreement"]["value"] == 23 / 24
    assert findings.lines == [
        "1 of 24 narrations are missing and count as empty: video0 clip 2",
        "1 of 24 narrations are empty: video0 clip 1",
    ]


def test_a_test_that_wrote_nothing_scores_zero_and_never_nan():
    scores = score(lines_of(lambda i, text: ""), STORIES)
    for name in ("bleu_1", "bleu_4", "meteor", "cider", "word_length_accuracy"):
        assert scores[name]["value"] == 0.0
        assert scores[name]["interval"] == [0.0, 0.0]
    assert scores["intra_repetition"] == {"value": None, "why": "no video has two narrated clips"}
    json.dumps(scores, allow_nan=False)


def test_a_clip_without_reference_is_covered_but_not_compared():
    stories = copy.deepcopy(STORIES)
    del stories[0]["clips"][1]["narration"]
    lines = [line for story in STORIES for line in make_lines(story)]
    lines[1]["reference"] = None
    coverage = score(lines, stories)["bleu_1"]["coverage"]
    assert (coverage["clips"], coverage["scored"]) == (24, 23)
    assert score(lines, stories)["word_length_accuracy"]["coverage"]["scored"] == 24
    del lines[1]  # nobody narrates it: nothing is missing
    assert score(lines, stories)["bleu_1"]["coverage"]["clips"] == 23


def test_one_clip_gives_numbers_without_intervals_and_no_cider():
    scores = score(make_lines(make_story("only", 1)))
    assert scores["bleu_1"]["value"] == pytest.approx(1.0)
    assert scores["bleu_1"]["interval"] is None
    assert scores["cider"]["value"] is None
    assert "two clips" in scores["cider"]["why"]


def test_labels_given_or_absent_are_not_scored():
    lines = lines_of()
    for line in lines:
        line["labels_given"] = line["labels"]
    assert score(lines)["label_agreement"] == {"value": None, "why": "the labels were given"}
    for line in lines:
        line["labels"] = line["labels_given"] = None
    assert score(lines)["label_exact"] == {"value": None, "why": "no labels were predicted"}
    for line in lines:
        line["reference_labels"] = None
    assert score(lines)["label_agreement"]["why"] == "no clip has reference labels"
    lines = lines_of()
    lines[0]["labels"] = []  # none of the 12 was written
    lines[1]["labels"] = None
    entry = score(lines)["label_agreement"]
    assert entry["value"] == 22 / 24
    assert entry["coverage"]["empty"] == 2


def test_a_story_without_labels_is_no_part_of_a_given_test():
    stories = copy.deepcopy(STORIES)
    del stories[0]["clips"][0]["labels"]
    lines = [line for line in lines_of() if line["video"] != "video0"]
    findings = Findings()
    assert score(lines, stories, storyline_given=True, findings=findings)["bleu_1"]["coverage"]["missing"] == 0
    assert findings.lines == ["video0: has no script labels to give, so it is not part of this test"]
    assert score(lines, stories)["bleu_1"]["coverage"]["missing"] == 4


def test_chinese_has_characters_jieba_and_the_released_repetition():
    pytest.importorskip("jieba")
    story = make_story("zh")
    story |= {"language": "zh", "title": "绿联磁吸快充头", "knowledge": [{"aspect": "功效", "points": ["充电速度快"]}]}
    texts = ["绿联磁吸快充头，很好用。", "绿联快充头充电速度快。", "快来买。", "真的很好用。"]
    for clip, text in zip(story["clips"], texts, strict=True):
        clip["narration"] = text
    lines = make_lines(story)
    with_dictionary = score(lines, [story])
    assert with_dictionary["bleu_1"]["tokenisation"] == "char"
    assert with_dictionary["intra_repetition"]["tokenisation"] == "jieba+stories"
    assert with_dictionary["intra_repetition_released"]["value"] > 0
    plain = score(lines, [story], ScoreSettings(user_dictionary="none"))
    assert plain["intra_repetition"]["tokenisation"] == score(lines)["intra_repetition"]["tokenisation"] == "jieba"
    assert plain["intra_repetition"]["value"] != with_dictionary["intra_repetition"]["value"]


def test_a_chosen_tokenisation_is_used_and_named():
    scores = score(lines_of(lambda i, text: text.upper()), settings=ScoreSettings("words"))
    assert scores["bleu_1"]["tokenisation"] == "words"
    assert scores["bleu_1"]["value"] < 0.2, "the words differ in case"
    assert score(lines_of(lambda i, text: text.upper()))["bleu_1"]["value"] == pytest.approx(1.0)


def test_a_reference_at_odds_with_the_story_is_said_and_the_story_counts():
    lines = lines_of()
    lines[0]["reference"] = "Something else."
    findings = Findings()
    assert score(lines, STORIES, findings=findings)["bleu_1"]["value"] == pytest.approx(1.0)
    assert findings.lines == ["video0: the reference of clip 0 is not the story's, which counts"]


def change(**fields):
    lines = lines_of()
    lines[2] |= fields
    return lines


def without(name):
    lines = lines_of()
    del lines[2][name]
    return lines


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (without("video"), "prediction 3: video: is missing"),
        (without("narration"), "prediction 3: video0: narration: is missing"),
        (change(narations="x"), r"unknown field 'narations' \(did you mean 'narration'\?\)"),
        (change(narration=None), "video0: narration: expected a text, got None"),
        (change(reference=5), "reference: expected a text, got 5"),
        (change(clip="2"), "clip: expected the clip's number from 0, got '2'"),
        (change(clip=True), "clip: expected the clip's number"),
        (change(clip=1), "video0: clip 1 is predicted twice"),
        (change(clip=4), "video0: clip: there is no clip 4, the story has 4"),
        (change(video="video9"), r"video9: the stories have no such video \(did you mean"),
        (change(word_range=[8, 1]), r"word_range: expected \[low, high\] in words, got \[8, 1\]"),
        (change(word_range=[1.5, 2]), "word_range: expected"),
        (change(word_range=None), "video0: clip 2 has no word_range, others have"),
        (change(range_source="clip"), "range_source: expected one of duration, reference, got 'clip'"),
        (change(labels=["Sore Pont"]), r"labels: unknown script label 'Sore Pont' \(did you mean 'Sore Point'\?\)"),
        (change(labels="Others"), "labels: expected a list of script labels"),
        ([], "there are no predictions"),
    ],
)
def test_bad_predictions_are_refused_by_name(lines, message):
    with pytest.raises(InputError, match=message):
        score(lines, STORIES)


def test_bad_stories_are_refused_by_name():
    with pytest.raises(InputError, match="video0: occurs twice"):
        score(lines_of(), [*STORIES, STORIES[0]])
    zh = make_story("zh") | {"language": "zh"}
    with pytest.raises(InputError, match="several languages"):
        score(lines_of(), [*STORIES, zh])


@pytest.mark.parametrize("metric", [m for m in ALWAYS if m not in (*WITH_MODELS, *ONLY_CHINESE)])
def test_paired_difference_is_the_difference_of_scores(metric):
    a, b = lines_of(worse), lines_of(lambda i, text: "" if i == 2 else text)
    found = paired_difference(metric, a, b, STORIES)
    assert found.value == pytest.approx(score(b, STORIES)[metric]["value"] - score(a, STORIES)[metric]["value"])
    assert found.low <= found.value <= found.high
    assert 0 < found.p_value <= 1


def test_paired_difference_finds_a_real_one():
    found = paired_difference("cider", lines_of(lambda i, text: "Pens are blue."), lines_of(worse))
    assert found.low > 0
    assert found.p_value < 0.05


def test_paired_difference_refuses_other_clips_and_metrics():
    lines = lines_of()
    with pytest.raises(InputError, match="video0: the two runs do not share clip 0"):
        paired_difference("cider", lines, lines[1:])
    with pytest.raises(InputError, match="no metric 'rouge'"):
        paired_difference("rouge", lines, lines)
    with pytest.raises(InputError, match="released computation is one of Chinese"):
        paired_difference("intra_repetition_released", lines, lines)


def test_scoring_300_clips_with_all_intervals_takes_seconds():
    stories = [make_story(f"video{i}", clips=5) for i in range(60)]
    lines = [line for story in stories for line in make_lines(story, worse)]
    score(lines, stories)  # imports
    start = time.process_time()
    score(lines, stories)
    assert time.process_time() - start < 5
