"""The languages of the world: each says the same things, at every length, and names nothing by accident."""

import re
from itertools import combinations, product

import pytest
import yaml

from vn.demo.chinese import CHINESE
from vn.demo.english import ENGLISH
from vn.demo.film import SECONDS, make_film
from vn.demo.grammar import expand
from vn.demo.product import ATTRIBUTES, COLOURS, KINDS, PARTS, PATTERNS
from vn.demo.prose import Prose
from vn.story import ScriptLabel, WordRange, count_words
from vn.template import TEMPLATES

languages = pytest.mark.parametrize("vocabulary", [ENGLISH, CHINESE], ids=lambda v: v.language)
IDENTIFIERS = {"kind": KINDS, "colour": COLOURS, "pattern": PATTERNS, "part": PARTS}
TEMPLATES_AT_LEAST = {"en": 1, "zh": 2}


def words_of(vocabulary):
    return [word for words in vocabulary.attributes.values() for word in words.values()]


def points_of(vocabulary):
    return [point for aspect in vocabulary.aspects.values() for point in aspect.points]


def titles_of(vocabulary):
    return [vocabulary.title.format(brand=b, series=s) for b, s in product(vocabulary.brands, vocabulary.series)]


def holds(vocabulary, text, word):
    """Whether a text names a word: English words stand alone, Chinese ones are found anywhere."""
    if vocabulary.language == "zh":
        return word in text
    return re.search(rf"\b{re.escape(word)}\b", text, re.IGNORECASE) is not None


def fixed_texts(templates):
    """What a template's sentences say around their slots."""
    return {piece for t in templates for sentence in expand(t) for piece in re.split(r"\{\w+\}", sentence) if piece}


def narration_texts(vocabulary):
    return fixed_texts(t for spoken in vocabulary.narrations.values() for t in spoken.templates)


def prose_texts(vocabulary):
    texts = vocabulary.prose
    return fixed_texts((*texts.sights, *texts.portraits, *texts.counted, *texts.drills, *texts.general, texts.meaning))


@languages
def test_every_identifier_and_every_label_has_words(vocabulary):
    assert set(vocabulary.attributes) == set(ATTRIBUTES)
    for name, words in vocabulary.attributes.items():
        assert tuple(words) == IDENTIFIERS[name]
    assert set(vocabulary.narrations) == set(ScriptLabel)
    assert len(set(vocabulary.brands)) == 12
    assert len(set(vocabulary.series)) == 8
    for aspect in vocabulary.aspects.values():
        assert 8 <= len(set(aspect.points)) == len(aspect.points) <= 10


def test_the_languages_say_the_same_things():
    assert ENGLISH.aspects.keys() == CHINESE.aspects.keys()
    for label, aspect in ENGLISH.aspects.items():
        assert CHINESE.aspects[label].fact == aspect.fact
    for label, spoken in ENGLISH.narrations.items():
        assert CHINESE.narrations[label].slots == spoken.slots


@languages
def test_there_is_something_to_say_at_every_length(vocabulary):
    def ends(texts):
        """The shortest and the longest, and one of each length between them."""
        return list({count_words(text, vocabulary.language): text for text in texts}.values())

    missing = []
    for label, spoken in vocabulary.narrations.items():
        aspect = vocabulary.aspects.get(label)
        choices = {name: ends(words.values()) for name, words in vocabulary.attributes.items()}
        if aspect is not None:
            choices[aspect.fact] = ends(aspect.points)
        for slots in spoken.slots:
            for texts in product(*(choices[name] for name in sorted(slots))):
                values = dict(zip(sorted(slots), texts, strict=True))
                for seconds in range(SECONDS[0], SECONDS[1] + 1):
                    words = WordRange.of_duration(seconds, vocabulary.words.rate, vocabulary.words.margin)
                    found = len(spoken.fitting(values, words))
                    if found < TEMPLATES_AT_LEAST[vocabulary.language]:
                        missing.append((label.name, values, seconds, found))
    assert not missing


@languages
def test_attributes_are_named_by_nothing_else(vocabulary):
    words = words_of(vocabulary)
    assert not [(a, b) for a, b in combinations(words, 2) if a in b or b in a]
    around = [
        *points_of(vocabulary),
        *titles_of(vocabulary),
        *(aspect.name for aspect in vocabulary.aspects.values()),
        *narration_texts(vocabulary),
        *prose_texts(vocabulary),
    ]
    assert not [(word, text) for word in words for text in around if holds(vocabulary, text, word)]


@languages
def test_points_are_named_by_nothing_else(vocabulary):
    points = points_of(vocabulary)
    assert not [(a, b) for a, b in combinations(points, 2) if a in b or b in a]
    around = [*titles_of(vocabulary), *narration_texts(vocabulary), *prose_texts(vocabulary)]
    assert not [(point, text) for point in points for text in around if point in text]


@languages
def test_films_state_their_facts_in_range(vocabulary):
    words = words_of(vocabulary)
    for index in range(60):
        story = make_film(vocabulary, 0, "train", index).story
        assert story.language == vocabulary.language
        for clip in story.clips:
            allowed = vocabulary.words.range_of(clip, vocabulary.language)
            assert count_words(clip.narration, vocabulary.language) in allowed
            facts = [fact for name, fact in clip.facts.items() if name != "label"]  # followed, not said
            stated = {f["value"] for f in facts if f["from"] != "label"}
            assert {value for value in stated if not holds(vocabulary, clip.narration, value)} == set()
            assert {word for word in words if holds(vocabulary, clip.narration, word)} <= stated


def test_chinese_captions_name_every_value_equally_often():
    writer = Prose(CHINESE, 0)
    lines = [line for _ in range(1500) for line in writer.captions()[1::2]]
    counts = [sum(word in line for line in lines) for word in words_of(CHINESE)]
    assert sum(counts) == len(lines)  # every sentence names one
    mean = len(lines) / len(counts)
    assert all(0.75 * mean < count < 1.25 * mean for count in counts), counts


@languages
def test_prose_never_holds_an_instruction(vocabulary):
    template = yaml.safe_load((TEMPLATES / f"ad-{vocabulary.language}.yaml").read_text("utf-8"))
    instructions = template["instruction"] + template["instruction_without_storyline"]
    sentences = {s.strip() for s in re.split(r"[。\n]|(?<=\.)\s", instructions)} - {""}
    documents = Prose(vocabulary, 0).documents(50)
    assert len(documents) == 50
    assert all("".join(document).strip() for document in documents)
    texts = ["".join(document) for document in documents] + sorted(prose_texts(vocabulary))
    assert not [(s, text) for s in sentences for text in texts if s in text]


def test_chinese_prose_has_the_characters_of_instructions():
    template = yaml.safe_load((TEMPLATES / "ad-zh.yaml").read_text("utf-8"))
    spoken = [template[name] for name in ("instruction", "title", "words", "label")] + template["scene"]
    needed = {char for text in spoken for char in re.sub(r"\{\w+\}", "", text) if char.isalpha()}
    assert needed <= set("".join(fixed_texts(CHINESE.prose.general)))


def test_chinese_is_written_in_chinese():
    texts = narration_texts(CHINESE) | set(points_of(CHINESE)) | set(titles_of(CHINESE)) | set(words_of(CHINESE))
    assert not [text for text in texts if re.search(r"[\x00-\x7f]", text)]
    for spoken in CHINESE.narrations.values():
        for template in spoken.templates:
            for sentence in expand(template):
                assert sentence[-1] in "。！？"
                assert sentence[0] != "{"
    for aspect in CHINESE.aspects.values():
        assert all(2 <= len(point) <= 5 for point in aspect.points)
    for label, spoken in CHINESE.narrations.items():
        for slots in spoken.slots:
            having = [t for t in spoken.templates if set(re.findall(r"\{(\w+)\}", t)) == slots]
            assert len(having) >= 4, (label, slots)
