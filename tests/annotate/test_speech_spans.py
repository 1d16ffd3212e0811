"""What a recogniser gets: spans that are cut at pauses only."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from vn.annotate.speech.spans import AROUND, GROUP, GROUP_SPAN, SKIPPED, groups_of, language_of, spans_of


def voice_of(parts):
    """Stretches from pauses and lengths in tenths of a second."""
    at, out = 0.0, []
    for pause, length in parts:
        out.append((at + pause / 10, at + (pause + length) / 10))
        at = out[-1][1]
    return out


VOICE = st.lists(st.tuples(st.integers(3, 150), st.integers(3, 400)), min_size=1, max_size=25).map(voice_of)


@settings(max_examples=60)
@given(VOICE, st.lists(st.sampled_from(["en", "zh"]), min_size=25, max_size=25), st.sampled_from([30.0, 60.0, 600.0]))
def test_spans_hold_all_voice_once_in_order_and_are_not_too_long(voice, languages, longest):
    spans = spans_of(list(zip(voice, languages, strict=False)), longest)
    assert sum(b - a for span in spans for a, b in span.voice) - sum(b - a for a, b in voice) < 1e-6
    for span in spans:
        assert 0 <= span.start < span.end
        assert span.end - span.start <= longest + 1e-6
        assert span.start - 1e-9 <= span.voice[0][0]
        assert span.voice[-1][1] <= span.end + 1e-9
    for one, two in itertools.pairwise(spans):
        assert one.end <= two.start + 1e-9
    if max(b - a for a, b in voice) <= longest - 2 * AROUND:  # no stretch is cut
        assert [stretch for span in spans for stretch in span.voice] == voice
        for stretch, language in zip(voice, languages, strict=False):
            assert [span.language for span in spans if stretch in span.voice] == [language]


def test_a_short_file_is_one_span_and_long_music_is_left_out():
    voice = [(1.0, 4.0), (6.0, 9.0), (9.0 + SKIPPED + 1, 25.0)]
    spans = spans_of([(stretch, "en") for stretch in voice], 600.0)
    assert [(span.start, span.end) for span in spans] == [(0.5, 9.5), (19.5, 25.5)]


def test_a_long_file_is_cut_at_its_longest_pauses():
    voice = [(0, 20), (20.4, 40), (42, 60), (60.5, 80)]
    spans = spans_of([(stretch, "en") for stretch in voice], 50.0)
    assert [span.voice for span in spans] == [((0, 20), (20.4, 40)), ((42, 60), (60.5, 80))]


@given(VOICE)
def test_groups_have_enough_voice_and_are_short(voice):
    groups = groups_of(voice)
    assert [stretch for group in groups for stretch in group] == voice
    for group, following in itertools.pairwise(groups):
        spoken = sum(b - a for a, b in group)
        assert spoken >= GROUP or following[0][1] - group[0][0] > GROUP_SPAN


def test_another_language_is_believed_if_it_is_sure():
    assert language_of(None, "en") == "en"
    assert language_of({"zh": 0.7, "en": 0.3}, "en") == "en"
    assert language_of({"zh": 0.9, "en": 0.1}, "en") == "zh"
    assert language_of({"yue": 0.9}, "zh") == "zh"
    assert language_of({"ja": 0.95}, "zh") == "ja"
