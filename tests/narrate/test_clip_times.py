import pytest

from vn.errors import InputError
from vn.narrate.clip_times import read_clips
from vn.timecode import seconds_of


def spans(tmp_path, text, name="clips.txt", end=None):
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    return [(clip.start, clip.end) for clip in read_clips(file, end)]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("7", 7), ("7.25", 7.25), ("1:05", 65), ("01:05,500", 65.5), ("1:00:00", 3600), ("100:00", 6000)],
)
def test_times_are_read_as_people_write_them(text, seconds):
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "1:75", "1:60:00", "-1", "1:2:3:4", "1:005", "one", "1.2.3", "1:05 x"])
def test_what_is_no_time_is_none(text):
    assert seconds_of(text) is None


def test_srt_and_vtt_give_their_times_whatever_they_say(tmp_path):
    srt = "1\n00:00:00,000 --> 00:00:02,500\nTwo words\n\n2\n00:00:02,500 --> 00:01:00,000\n12:30 is a time in a text\n"
    assert spans(tmp_path, srt, "a.srt") == [(0, 2.5), (2.5, 60)]
    vtt = "WEBVTT\n\nNOTE of the author\n\nintro\n00:00.000 --> 00:04.000 align:start line:0\nHello\n"
    assert spans(tmp_path, vtt, "a.vtt") == [(0, 4)]
    assert spans(tmp_path, "﻿" + srt.replace("\n", "\r\n"), "b.srt") == [(0, 2.5), (2.5, 60)]


def test_lines_of_two_times(tmp_path):
    text = "0:00 0:04 the kettle\n0:04-0:09.5\n\n00:10 --> 01:00\n1:00 – 1:02\n"
    assert spans(tmp_path, text) == [(0, 4), (4, 9.5), (10, 60), (60, 62)]


def test_chapters_end_where_the_next_one_starts(tmp_path):
    assert spans(tmp_path, "0:00 Intro\n0:12 How it is made\n1:00 - Offer\n", end=75.0) == [(0, 12), (12, 60), (60, 75)]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.txt", "", "contains no clip times"),
        ("a.srt", "1\nno time\n", "contains no clip times"),
        ("a.srt", "1\n00:00:01 --> soon\n", "line 2: expected START --> END"),
        ("a.srt", "1\n00:00:04,0 --> 00:00:02,0\n", "line 2: ends at 2 s, but starts at 4 s"),
        ("a.txt", "0:00 0:04\nthe end\n", "line 2: expected MM:SS MM:SS, or one MM:SS per line, got 'the end'"),
        ("a.txt", "0:00 0:04\n0:05\n", "line 2: some lines have one time, others two"),
        ("a.txt", "0:05\n0:01\n", "line 1: ends at 1 s, but starts at 5 s"),
        ("a.txt", "0:05\n", "line 1: the last clip has no end"),
        ("a.txt", "0:99 1:00\n", "line 1: expected MM:SS MM:SS"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path, name, text, message):
    with pytest.raises(InputError, match=r"a\.(txt|srt)") as error:
        spans(tmp_path, text, name, end=None if text == "0:05\n" else 75.0)
    assert f"{tmp_path / name}: {message}" in str(error.value)
