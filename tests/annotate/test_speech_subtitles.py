"""Subtitles beside a video as its speech."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vn.annotate.speech.names import open_recogniser
from vn.annotate.speech.stage import SpeechStage
from vn.annotate.stage import RawVideo
from vn.errors import Findings, InputError
from vn.subtitles.cues import cues, srt, vtt
from vn.subtitles.read_srt import read_srt
from vn.subtitles.read_vtt import read_vtt

SHOTS = {"shots": {"clips": [[0, 4], [4, 8], [8, 12]]}}


def made(video, language="en", findings=None):
    stage = SpeechStage(open_recogniser("subtitles"))
    return stage.make(RawVideo("v", video, "x", language), SHOTS, Findings() if findings is None else findings)


@pytest.fixture
def video(tmp_path):
    file = tmp_path / "v.mp4"
    file.touch()
    return file


def test_cues_become_the_texts_of_clips(video):
    video.with_suffix(".srt").write_text(
        "\ufeff1\r\n00:00:00,500 --> 00:00:03,500\r\n<i>Cold tea</i>\r\nagain?\r\n\r\n"
        "2\r\n00:00:03,000 --> 00:00:07,000 X1:10\r\n[music] One two three four five six seven eight\r\n",
        encoding="utf-8",
    )
    result = made(video).result
    assert (result["kind"], result["language"]) == ("speech", "en")
    assert result["texts"] == ["Cold tea again? One two", "three four five six seven eight", ""]


def test_chinese_cues_have_characters_as_words(video):
    video.with_suffix(".vtt").write_text("WEBVTT\n\n00:02.000 --> 00:06.000\n只要19.9元,真好\n", encoding="utf-8")
    result = made(video, "zh").result
    assert "".join(result["texts"]) == "只要19.9元，真好"
    assert result["texts"][0].startswith("只要")
    assert result["texts"][1].endswith("真好")


def test_the_subtitles_of_the_language_come_first(video):
    video.with_suffix(".srt").write_text("1\n0:01 --> 0:02\nwrong\n")
    video.with_suffix(".en.vtt").write_text("WEBVTT\n\n00:01.000 --> 00:02.000\nright\n")
    assert made(video).result["texts"][0] == "wrong"  # an .srt of any language before a .vtt
    video.with_suffix(".en.srt").write_text("1\n0:01 --> 0:02\nright\n")
    assert made(video).result["texts"][0] == "right"


def test_what_is_wrong_is_named(video):
    with pytest.raises(InputError, match=r"v\.mp4: has no \.srt or \.vtt beside it"):
        made(video)
    file = video.with_suffix(".srt")
    file.write_text("Cold tea again?")
    with pytest.raises(InputError, match=r"v\.srt: not SubRip"):
        made(video)
    file.write_text("1\n00:00:99,000 --> 00:01:00,000\nx\n")
    with pytest.raises(InputError, match="expected two times"):
        made(video)
    file.write_text("1\n00:00:03,000 --> 00:00:01,000\nback\n\n2\n00:00:05,000 --> 00:00:06,000\nforth\n")
    findings = Findings()
    assert made(video, findings=findings).result["texts"] == ["", "forth", ""]
    assert "before it starts" in findings.summary()
    file.write_text("")
    assert made(video).result["kind"] == "no_speech"


def test_an_edited_file_gives_another_key(video):
    stage, raw = SpeechStage(open_recogniser("subtitles")), RawVideo("v", video, "x", "en")
    keys = [stage.key_for(raw)]
    for text in ("1\n0:01 --> 0:02\na\n", "1\n0:01 --> 0:02\nb\n"):
        video.with_suffix(".srt").write_text(text)
        keys.append(stage.key_for(raw))
    assert len(set(keys)) == 3


TEXT = st.text(alphabet="abc é,&<>12", min_size=1, max_size=40)


@settings(max_examples=40)
@given(st.lists(TEXT, max_size=5))
def test_what_we_write_is_read_back(tmp_path_factory, narrations):
    wanted = cues([(10.0 * n, 10.0 * n + 8, text) for n, text in enumerate(narrations)], "en")
    folder = tmp_path_factory.mktemp("written")
    (folder / "a.srt").write_text(srt(wanted), encoding="utf-8")
    (folder / "a.vtt").write_text(vtt(wanted), encoding="utf-8")
    read = [(start, end, lines) for start, end, lines in read_vtt(folder / "a.vtt")]
    assert [lines for *_, lines in read] == [lines for *_, lines in wanted]
    for (start, end, lines), cue in zip(read_srt(folder / "a.srt"), wanted, strict=True):
        assert (start, end) == (pytest.approx(cue[0], abs=1e-3), pytest.approx(cue[1], abs=1e-3))
        assert [line.strip() for line in lines] == [line.strip() for line in cue[2] if line.strip()]
