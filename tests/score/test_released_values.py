"""Small stories and what the authors' programs return for them; for the stand-in encoder only equal texts match."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from vn.errors import Findings
from vn.metrics.content_words import ContentWords
from vn.metrics.tokenisation import Tokenisation
from vn.score.measures import measure
from vn.score.predictions import gather
from vn.score.scorecard import paired_difference, score
from vn.score.settings import ScoreSettings
from vn.score.sums import NotComputed
from vn.score.text_measures import TEXT, TEXT_RELEASED
from vn.score.text_units import Defined, Released

pytest.importorskip("jieba")
IDS = Tokenisation("ids", lambda text: [str(1000 + ord(character)) for character in text])


class Alike:
    """Equal texts have cosine 1, others 0."""

    id = key = "alike"

    def embed(self, texts):
        names = dict.fromkeys(texts)
        return dict(zip(names, np.eye(len(names), dtype=np.float32), strict=True))


def story_of(narrations, title="云杯", points=(), times=None, name="v"):
    times = times or [(3 * i, 3 * i + 3) for i in range(len(narrations))]
    points = points if isinstance(points, dict) else {"特性": list(points)}
    return {
        "id": name,
        "title": title,
        "language": "zh",
        "domain": "ad",
        "knowledge": [{"aspect": aspect, "points": own} for aspect, own in points.items()],
        "clips": [{"start": start, "end": end, "narration": "说了什么。"} for start, end in times],
    }


def lines_of(narrations, name="v"):
    return [{"video": name, "clip": i, "narration": text} for i, text in enumerate(narrations) if text is not None]


def test_of(narrations, **settings):
    return gather(lines_of(narrations), [story_of(narrations, **settings)])


test_of.__test__ = False


def telling_of(kind, narrations, **settings):
    test = test_of(narrations, **settings)
    (story,) = test.stories
    points = [point for known in story.knowledge for point in known.points]
    return kind(story, test.clips, ContentWords("zh", [story.title, *points]))


# -- intra-repetition -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("narrations", "value"),
    [
        (["好看，耐用。", "轻便，便宜。"], 0.0),
        (["喝起来，很好吃。", "好吃。"], 1 / 5),
        (["杯子又轻又稳。", "又稳。"], 1 / 6),
        (["耐用 轻便。", "耐用 便宜。"], 2 / 6),
        (["好看。", "。", ""], None),
        (["好看。", "好看。", "，。", "好看。"], (1 + 2) / 3),  # a clip without units is no clip
        (["", "，", "。"], None),
    ],
)
def test_intra_repetition(narrations, value):
    test = test_of(narrations, title="杯子", points=["保温"])
    found = measure(test, names=["intra_repetition_released"])["intra_repetition_released"]
    assert (None if isinstance(found, NotComputed) else found.value) == (
        value if value is None else pytest.approx(value)
    )


def test_intra_repetition_cuts_as_the_tagger_does():
    """The tagger cuts at a hyphen, jieba without it does not."""
    test = test_of(["超A-B款。", "B款。"], points=["A-B款"])
    words = ContentWords("zh", ["A-B款"])
    assert "A-B款" in words.units("超A-B款。")
    assert "A-B款" not in [word for word, _ in words.cut("超A-B款。")]
    found = measure(test, names=["intra_repetition", "intra_repetition_released"])
    assert found["intra_repetition"].value == 0.0
    assert found["intra_repetition_released"].value > 0


# -- InfoSim and InfoDiverse ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("narrations", "settings", "encoded", "each"),
    [
        (
            ["很好用。", "很好用", "耐用。"],  # 。 only if it is absent; no tagged word: the sentence
            {"points": ["很好用。", "耐用"]},
            ["很好用。", "很好用。", "很好用。", "很好用。", "耐用。", "耐用", "云杯", "很好用。", "耐用"],
            [1.0, 1.0, 0.5],
        ),
        (
            ["正品，礼盒。", "稳，耐用。"],  # behind the first 】, then up to the first space, two characters at least
            {"points": ["【官方】正品 保证", "【限时 福利】礼盒", "稳", "【新】"]},
            ["正品，礼盒。", "正品", "礼盒", "稳，耐用。", "稳", "耐用", "云杯", "正品", "礼盒"],
            [0.5, 0.0],
        ),
        (
            ["云杯轻便。"],  # the title is a point, and is cut like one
            {"title": "【官方】云杯 新款", "points": ["轻便"]},
            ["云杯轻便。", "云杯", "轻便", "云杯", "轻便"],
            [0.5],
        ),
        (["轻便" * 40 + "杯子"], {"title": "杯子"}, ["轻便" * 38 + "轻", *["轻便"] * 40, "杯子", "杯子"], [1 / 82]),
    ],
)
def test_info_sim(narrations, settings, encoded, each):
    telling = telling_of(Released, narrations, **settings)
    assert telling.sim_texts() == encoded
    assert [value for _, value in telling.sims(Alike().embed(telling.sim_texts()))] == pytest.approx(each)


@pytest.mark.parametrize(
    ("narrations", "points", "encoded", "value"),
    [
        # words of any tag are units; a sentence only if it adds none; the title is not a point
        (["保护它", "云杯耐用。"], ["保护它。", "耐用"], ["保护", "云杯", "耐用", "保护它。", "耐用"], 1 / 10),
        (
            ["耐用。", "正品。"],  # a unit tells one point
            {"特性": ["耐用", "【官方】耐用", "正品"], "功效": ["耐用"]},
            ["耐用", "正品", "耐用", "耐用", "正品"],
            2 / 10,
        ),
        (["稳", "耐用。", ""], ["稳", "耐用"], ["稳", "耐用", "", "稳", "耐用"], 2 / 15),  # empty ones count in T
        (["稳", None, "耐用。"], ["稳", "耐用"], ["稳", "耐用", "稳", "耐用"], 2 / 10),  # what was not written does not
        (["好的", "耐用"], ["云杯", "轻便"], ["好", "的", "轻便"], 0.0),  # a point that is the title
    ],
)
def test_info_diverse(narrations, points, encoded, value):
    times = [(5 * i, 5 * i + 5) for i in range(len(narrations))]
    telling = telling_of(Released, narrations, points=points, times=times)
    if value:
        assert telling.diverse_texts() == encoded
    else:
        assert telling.diverse_texts()[-1] == "轻便"
        assert "云杯" not in telling.diverse_texts()
    assert telling.diverse(Alike().embed(telling.diverse_texts())) == pytest.approx(value)


def test_the_files_last_narration_has_no_info_sim():
    class Encoding:
        def sentences(self, language):
            return Alike()

    narrations = ["云杯。", "耐用。", "云杯。"]
    stories = [story_of(narrations, name=name, points=["耐用"]) for name in ("a", "b")]

    def scored(last):
        lines = lines_of(narrations, "a") + lines_of([*narrations[:2], last], "b")
        test = gather(lines, stories)
        return measure(test, ScoreSettings(models=Encoding()), ["info_sim_released"])["info_sim_released"]

    assert scored("云杯。").coverage["scored"] == 5
    assert scored("").coverage["scored"] == 5, "an empty one is the last, and has no score anyway"
    assert [(c.video, c.clip) for c in scored("云杯。").clips][-1] == ("b", 1)


def test_a_story_that_only_its_title_describes_is_in_the_released_numbers():
    narrations = ["云杯。", "耐用。"]
    stories = [story_of(narrations, name="a", points=["耐用"]), story_of(narrations, name="b", points={})]
    lines = lines_of(narrations, "a") + lines_of(narrations, "b")
    from vn.score.embedded import information

    found = information(gather(lines, stories), Alike(), ContentWords("zh", ["云杯", "耐用"]))
    assert found["info_sim"].videos == found["info_diverse"].videos == ("a",)
    assert found["info_sim_released"].videos == found["info_diverse_released"].videos == ("a", "b")


def test_info_diverse_counts_a_point_of_two_aspects_once():
    telling = telling_of(Defined, ["耐用。", "轻便。"], points={"特性": ["耐用", "轻便"], "功效": ["耐用", "保温"]})
    assert telling.points == ["耐用", "轻便", "保温"]
    assert telling.diverse(Alike().embed(telling.diverse_texts())) == pytest.approx(2 / 6)


# -- BLEU, METEOR, CIDEr ----------------------------------------------------------------------------------------------

PAIRS = [
    ("这个杯子很好用。", "这个杯子好用"),
    ("真香啊。", "好香。"),  # 3 characters written
    ("又轻又稳。。", "又轻又好看。"),
    ("稳稳的", "又稳又轻。"),  # 3 characters of reference
]
VALUES = {
    "bleu_1_released": 0.8461538460236689,
    "bleu_2_released": 0.7337993855873194,
    "bleu_3_released": 0.6208557721159685,
    "bleu_4_released": 0.4300000759778633,
    "meteor_released": 0.43145383745968197,
    "cider_released": 4.901537740222376,
}


def pairs_story(pairs):
    story = story_of([text for _, text in pairs])
    for clip, (reference, _) in zip(story["clips"], pairs, strict=True):
        clip["narration"] = reference
    return story


def test_text_scores_with_the_releases_preparation():
    found = score(lines_of([text for _, text in PAIRS]), [pairs_story(PAIRS)], ScoreSettings(IDS))
    for name, value in VALUES.items():
        if name != "meteor_released":
            assert found[name]["value"] == pytest.approx(value, abs=1e-9), name
        assert found[name]["coverage"]["scored"] == 2
        assert found[name.removesuffix("_released")]["coverage"]["scored"] == 4
    assert found["bleu_4_released"]["variant"] == "released"
    assert found["meteor_released"]["variant"] == "exact, released"
    assert found["cider_released"]["variant"] == "cider-d, released"


@pytest.mark.oracle
def test_meteor_with_the_releases_preparation():
    pytest.importorskip("pycocoevalcap.meteor")
    if shutil.which("java") is None:
        pytest.skip("no Java")
    test = gather(lines_of([text for _, text in PAIRS]), [pairs_story(PAIRS)])
    found = measure(test, ScoreSettings(IDS, "jar"), ["meteor", "meteor_released"])
    assert found["meteor_released"].value == pytest.approx(VALUES["meteor_released"], abs=1e-9)
    assert found["meteor"].coverage["scored"] == 4


def test_text_scores_of_one_pair_and_of_none():
    lines = lines_of(["又轻又好看。", "好香。"])
    found = score(lines, [pairs_story([PAIRS[2], PAIRS[1]])], ScoreSettings(IDS))
    assert found["bleu_1_released"]["value"] is not None
    assert "two clips" in found["cider_released"]["why"]
    none = score(lines[1:], [pairs_story([PAIRS[1], PAIRS[1]])], ScoreSettings(IDS))
    assert {none[name]["value"] for name in TEXT_RELEASED} == {None}
    assert "4 characters" in none["bleu_1_released"]["why"]
    assert none["bleu_1"]["value"] is not None


def test_they_are_compared_like_all_others_and_are_chinese_only():
    story = pairs_story(PAIRS * 2) | {"id": "v"}
    other = pairs_story(PAIRS * 2) | {"id": "w"}
    good = [text for _, text in PAIRS * 2]
    a = lines_of(["又好又好又好。"] * 8) + lines_of(["又好又好又好。"] * 8, "w")
    b = lines_of(good) + lines_of(good, "w")
    for name in TEXT_RELEASED:
        found = paired_difference(name, a, b, [story, other])
        assert found.value > 0
        assert found.low <= found.value <= found.high
    english = story | {"language": "en"}
    assert (
        score(lines_of(good), [english])["bleu_1_released"]["why"] == "the released computation is one of Chinese texts"
    )
    assert len(TEXT) == len(TEXT_RELEASED) == 6


def test_nothing_is_noted_of_user_words_that_jieba_keeps():
    findings = Findings()
    measure(test_of(["好看。"] * 2, points=["充电速度快"]), names=["intra_repetition"], findings=findings)
    assert findings.lines == []
