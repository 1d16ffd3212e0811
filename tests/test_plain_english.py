"""Eight turns of phrase stay out of the package and its documents (`plain_english` finds them)."""

from pathlib import Path

import pytest
from plain_english import PATTERNS, find

WRONG = {
    "a rate without 'per'": ["one line a clip", "32 tokens a frame", "once a point", "words a clip"],
    "an argument that begins with 'of'": [
        "of the resampling",
        "\n        seed: of the order.",
        "\n    low, high: of it",
    ],
    "stands, lies": ["it stands there", "what lies in the folder", "stood before", "lying"],
    "'where' for 'if'": ["where there is none", "where nobody asked", "Where no label follows"],
    "is no": ["is no label", "are no numbers", "was no text"],
    "told, said, hears": ["it is told", "as was said", "hears of it"],
    "old words": ["read anew", "all else", "nothing but for this", "so many tokens", "the likeliest", "reckoned"],
    "picture, image": ["the picture", "all images"],
}
RIGHT = [
    *("tokens per frame", "gives a clip", "writes a story", "takes a point", "seed: random seed", "of course"),
    *("understands", "a stand-in", "stands in for", "where the file is", "there is no label", "is no longer"),
    *("retold", "ImageNet", "CLIP's image encoder", "for many", "is not a label"),
]


def matches(pattern, text, tmp_path):
    (tmp_path / "README.md").write_text(text)
    return [each for each in find(tmp_path) if each.pattern == pattern]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_each_pattern_finds_what_it_is_for(pattern, tmp_path):
    assert [text for text in WRONG[pattern] if not matches(pattern, text, tmp_path)] == []
    assert [text for text in RIGHT if matches(pattern, text, tmp_path)] == []


def test_code_is_not_prose(tmp_path):
    (tmp_path / "README.md").write_text("`picture` and ``where there`` and\n```\nvn fit --anew picture stands\n```\n")
    (tmp_path / "vn").mkdir()
    (tmp_path / "vn" / "a.py").write_text("picture = stands  # fine\n'picture'\n")
    assert find(tmp_path) == []


def test_a_find_has_its_line(tmp_path):
    (tmp_path / "vn").mkdir()
    (tmp_path / "vn" / "a.py").write_text(
        'x = 1\n\n\ndef f():\n    """Fine.\n\n    Args:\n        seed: of it.\n    """\n'
    )
    assert [(each.file, each.line) for each in find(tmp_path)] == [("vn/a.py", 8)]


def test_none_is_in_the_package_or_its_documents():
    found = find(Path(__file__).parents[1])
    assert [f"{each.file}:{each.line}: {each.text}" for each in found] == []
