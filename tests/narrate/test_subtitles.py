import itertools
import re

from hypothesis import given
from hypothesis import strategies as st

from vn.narrate.subtitles import LINE, LINES, cues, srt, vtt

clip = st.tuples(st.floats(0.1, 9), st.text(alphabet="abc 好的，<&", max_size=200))


@given(st.lists(clip, max_size=8), st.sampled_from(["en", "zh"]))
def test_subtitles_stay_within_their_clips_keep_all_words_and_never_overlap(clips, language):
    at, timed = 0.0, []
    for duration, text in clips:
        timed.append((at, at + duration, text))
        at += duration
    out = cues(timed, language)
    for (_, end, _), (start, _, _) in itertools.pairwise(out):
        assert end <= start + 1e-9
    assert all(1 <= len(lines) <= LINES for _, _, lines in out)
    assert all(len(line) <= LINE[language] for _, _, lines in out for line in lines)
    said = "".join("".join(lines) for _, _, lines in out)
    assert re.sub(r"\s", "", said) == re.sub(r"\s", "", "".join(t for _, _, t in timed))
    for start, end, text in timed:
        mine = [c for c in out if start - 1e-9 <= c[0] and c[1] <= end + 1e-9 and c[1] > c[0]]
        assert bool(mine) == bool(text.strip())


def test_the_formats():
    lines = cues([(0, 3661.5, "Tea & <cake>")], "en")
    assert srt(lines) == "1\n00:00:00,000 --> 01:01:01,500\nTea & <cake>\n\n"
    assert vtt(lines) == "WEBVTT\n\n00:00:00.000 --> 01:01:01.500\nTea &amp; &lt;cake&gt;\n\n"


def test_clips_that_overlap_give_subtitles_that_do_not():
    out = cues([(0, 5, "one"), (4, 8, "two")], "en")
    assert [(a, b) for a, b, _ in out] == [(0, 5), (5, 8)]
