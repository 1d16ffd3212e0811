"""Knowledge as lines: what is read is what was written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vn.errors import InputError
from vn.story import Knowledge
from vn.studio.product_form import knowledge_text, parse_knowledge

TEXT = st.text(st.characters(codec="utf-8", categories=("L", "N"), include_characters=" -'"), min_size=1).map(
    lambda t: " ".join(t.split())
)
FILLED = TEXT.filter(bool)
POINT = st.lists(FILLED, min_size=1, max_size=3).map(", ".join)


@given(st.lists(st.builds(Knowledge, FILLED, st.lists(POINT, min_size=1, max_size=4).map(tuple)), max_size=4))
def test_what_is_shown_is_read_as_it_was(knowledge):
    found = parse_knowledge(knowledge_text(knowledge))
    assert [Knowledge(each["aspect"], tuple(each["points"])) for each in found] == knowledge


def test_chinese_punctuation_is_read():
    assert parse_knowledge("材质：不锈钢，玻璃、木头\n\n优惠：买一，送一；礼袋") == [
        {"aspect": "材质", "points": ["不锈钢", "玻璃", "木头"]},
        {"aspect": "优惠", "points": ["买一，送一", "礼袋"]},
    ]


@pytest.mark.parametrize("line", ["steel, glass", ": steel", "Material:", "Material: ,"])
def test_a_line_that_is_no_knowledge_is_named(line):
    with pytest.raises(InputError, match="knowledge, line 2: expected an aspect, a colon and points"):
        parse_knowledge(f"Offer: a bag\n{line}")
