"""Files for video editors, read back by the library: every frame is compared with ``render.json``."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from finished_runs import EVIL
from hypothesis import given, settings
from hypothesis import strategies as st
from rendered_stories import NARRATIONS, SPANS, change, write_rendered, write_story

from vn.errors import InputError
from vn.render.editors import KINDS, write_editors
from vn.render.editors.ass import ass

otio = pytest.importorskip("opentimelineio", reason="opentimelineio is not installed")
pytest.importorskip("otio_fcp_adapter", reason="otio-fcp-adapter is not installed")

RATES = [Fraction(25), Fraction(30000, 1001), Fraction(24000, 1001), Fraction(60)]


def read(file: Path):
    return otio.adapters.read_from_file(str(file))


def places(track) -> list[tuple[str, float, float]]:
    """Name, first frame and number of frames of each clip of a track."""
    found = []
    for item in track:
        if isinstance(item, otio.schema.Clip):
            span = item.range_in_parent()
            found.append((item.name, span.start_time.value, span.duration.value))
    return found


def tracks(timeline, kind: str) -> list:
    return [track for track in timeline.tracks if track.kind == kind]


def test_a_video_whose_metadata_is_not_text_is_read(tmp_path):
    write_rendered(tmp_path)
    video = tmp_path / "original.mp4"
    assert b"Lavf" in video.read_bytes()
    video.write_bytes(video.read_bytes().replace(b"Lavf", b"\xff\xfe\xe9\xff"))
    assert write_editors(tmp_path, ["otio"]) == [tmp_path / "story.otio"]


@pytest.mark.parametrize("rate", RATES, ids=str)
@pytest.mark.parametrize("name", ["story.otio", "story.xml"])
def test_shots_voices_and_sound_are_at_their_frames(tmp_path, rate, name):
    write_rendered(tmp_path, rate=rate)
    assert write_editors(tmp_path, ["fcp7", "otio"]) == [tmp_path / "story.otio", tmp_path / "story.xml"]
    timeline = read(tmp_path / name)
    report = json.loads((tmp_path / "render.json").read_text())
    assert {track.kind for track in timeline.tracks} == {"Video", "Audio"}
    (video,), (voice, sound) = tracks(timeline, "Video"), tracks(timeline, "Audio")
    borders = [(round(start * rate), round(end * rate)) for start, end in SPANS]
    assert [(start, start + length) for _, start, length in places(video)] == borders
    assert [name for name, _, _ in places(video)][1] == "2 Product Effect+Product Trial"
    voices = places(voice)
    assert len(voices) == len(report["clips"])
    for (_, start, length), clip, border in zip(voices, report["clips"], [*borders[1:], None], strict=True):
        assert start == round(clip["voice_start"] * rate)
        whole = (clip["voice_end"] - clip["voice_start"]) * rate
        following = round(report["clips"][clip["clip"] + 1]["voice_start"] * rate) if border else None
        cut = following is not None and start + length == following
        assert cut or whole - 0.01 <= length < whole + 1
    assert places(sound) == [("original.mp4", 0, round(SPANS[-1][1] * rate))]
    for track in timeline.tracks:
        for item in track:
            assert item.source_range.start_time.rate == float(rate)
            if isinstance(item, otio.schema.Clip):
                url = unquote(urlsplit(item.media_reference.target_url).path)
                assert (tmp_path / url).is_file()
                there, own = item.media_reference.available_range, item.source_range
                assert there.start_time <= own.start_time
                assert own.end_time_exclusive() <= there.end_time_exclusive()
    assert [item.source_range.start_time.value for item in video] == [start for start, _ in borders]


def test_a_shot_has_a_marker_with_label_and_narration(tmp_path):
    write_rendered(tmp_path)
    write_editors(tmp_path, ["otio", "fcp7"])
    for name in ("story.otio", "story.xml"):
        timeline = read(tmp_path / name)
        (video,) = tracks(timeline, "Video")
        for item, narration in zip(video, NARRATIONS["en"], strict=True):
            (marker,) = item.markers
            assert marker.name == item.name
            assert marker.marked_range == item.source_range
            assert marker.metadata["fcp_xml"]["comment"] == narration
    timeline = read(tmp_path / "story.otio")
    (video,) = tracks(timeline, "Video")
    assert [item.markers[0].comment for item in video] == list(NARRATIONS["en"])
    assert list(video[2].metadata["vn"]["word_range"]) == [10, 14]


def test_frames_that_start_after_the_sound_leave_a_gap(tmp_path):
    write_rendered(tmp_path, late=1.0)
    write_editors(tmp_path, ["otio", "fcp7"])
    for name in ("story.otio", "story.xml"):
        timeline = read(tmp_path / name)
        (video,), (_, sound) = tracks(timeline, "Video"), tracks(timeline, "Audio")
        assert [place[1:] for place in places(video)] == [(25, 25), (50, 100), (150, 87)]
        assert video[0].duration().value == 25
        assert isinstance(video[0], otio.schema.Gap)
        assert video[1].source_range.start_time.value == 25
        assert places(sound)[0][1:] == (0, 237)


def test_what_is_not_narrated_is_in_the_video_track_too(tmp_path):
    write_rendered(tmp_path)
    clips = json.loads((tmp_path / "story.json").read_text())["clips"]
    change(tmp_path / "story.json", clips=[clips[1]])
    entry = json.loads((tmp_path / "render.json").read_text())["clips"][1]
    change(tmp_path / "render.json", clips=[{**entry, "clip": 0}])
    write_editors(tmp_path, ["otio"])
    timeline = read(tmp_path / "story.otio")
    (video,) = tracks(timeline, "Video")
    assert places(video) == [
        ("not narrated", 0, 50),
        ("1 Product Effect+Product Trial", 50, 100),
        ("not narrated", 150, 87),
    ]


@settings(max_examples=40, deadline=None)
@given(
    rate=st.sampled_from([*RATES, Fraction(25, 2), Fraction(10), Fraction(50)]),
    cuts=st.lists(st.floats(0, 60), min_size=2, max_size=12, unique=True),
)
def test_the_parts_of_the_video_fill_it_without_overlap(tmp_path_factory, rate, cuts):
    folder = tmp_path_factory.mktemp("parts")
    write_story(folder)
    cuts = sorted(cuts)
    clips = [
        {"start": a, "end": b, "narration": "x"} for a, b in zip(cuts[::2], cuts[1::2], strict=False) if b - a > 0.2
    ] or [{"start": 1, "end": 2}]
    change(folder / "story.json", clips=clips)
    (folder / "story.mp4").write_bytes(b"")
    report = {"format": 1, "video": "story.mp4", "duration": 60.0, "width": 4, "height": 2, "start": 0.0, "clips": []}
    (folder / "render.json").write_text(json.dumps({**report, "fps": [rate.numerator, rate.denominator]}))
    write_editors(folder, ["otio"])
    timeline = read(folder / "story.otio")
    (track,) = timeline.tracks
    found = places(track)
    assert [start for _, start, _ in found] == [sum(n for _, _, n in found[:i]) for i in range(len(found))]
    assert sum(length for _, _, length in found) == round(60 * rate)
    wanted = [(round(c["start"] * rate), round(c["end"] * rate)) for c in clips]
    assert [(start, start + n) for name, start, n in found if name != "not narrated"] == [
        w for w in wanted if w[1] > w[0]
    ]


def test_without_the_original_the_film_is_cut_and_its_sound_left_out(tmp_path):
    write_rendered(tmp_path)
    (tmp_path / "original.mp4").unlink()
    write_editors(tmp_path, ["otio"])
    timeline = read(tmp_path / "story.otio")
    (video,) = tracks(timeline, "Video")
    assert {item.media_reference.target_url for item in video} == {"story.mp4"}
    assert len(tracks(timeline, "Audio")) == 1


@pytest.mark.parametrize("rate", [Fraction(1), Fraction(10), Fraction(25, 2)], ids=str)
def test_a_rate_without_timecode_is_refused_by_fcp7_alone(tmp_path, rate):
    write_rendered(tmp_path, rate=rate)
    with pytest.raises(InputError, match=re.escape(f"a video of {float(rate):g} frames per second has no timecode")):
        write_editors(tmp_path, list(KINDS))
    assert not (tmp_path / "story.xml").exists()
    assert (tmp_path / "story.ass").exists()
    timeline = read(tmp_path / "story.otio")
    (video,) = tracks(timeline, "Video")
    assert [place[1] for place in places(video)] == [round(start * rate) for start, _ in SPANS]


def test_hostile_texts_come_back_as_they_are(tmp_path):
    evil = f"{EVIL} & ]]> \x08 中文 😀"
    write_rendered(tmp_path, evil=evil)
    write_editors(tmp_path, list(KINDS))
    for name in ("story.otio", "story.xml"):
        timeline = read(tmp_path / name)
        (video,) = tracks(timeline, "Video")
        comment = video[0].markers[0].metadata["fcp_xml"]["comment"]
        assert comment == f"{NARRATIONS['en'][0]}{evil}".replace("\x08", "")


def test_a_story_that_is_not_rendered_has_subtitles_only(tmp_path):
    write_story(tmp_path)
    assert write_editors(tmp_path, ["ass"]) == [tmp_path / "story.ass"]
    with pytest.raises(InputError, match=r"there is no render\.json"):
        write_editors(tmp_path, ["otio"])
    with pytest.raises(InputError, match=r"no such kind of file for editors: 'oito' \(did you mean 'otio'\?\)"):
        write_editors(tmp_path, ["oito"])


def test_ass_has_the_same_subtitles_as_vtt(tmp_path):
    write_rendered(tmp_path, "zh")
    write_editors(tmp_path, ["ass"])
    text = (tmp_path / "story.ass").read_text(encoding="utf-8")
    lines = [line.split(",", 9) for line in text.splitlines() if line.startswith("Dialogue: ")]
    vtt = (tmp_path / "story.vtt").read_text(encoding="utf-8").strip().split("\n\n")[1:]
    assert len(lines) == len(vtt)
    for (_, start, end, *_, shown), block in zip(lines, vtt, strict=True):
        times, *texts = block.split("\n")
        assert f"0{start}0 --> 0{end}0" == times
        assert shown.split(r"\N") == texts
    assert "PlayResX: 160" in text


def test_ass_in_portrait_is_further_from_the_edge():
    def style(size):
        line = next(x for x in ass([], "t", "en", size).splitlines() if x.startswith("Style: ")).split(",")
        return int(line[2]), int(line[21])  # size of the letters, distance from the lower edge

    assert style((1080, 1920)) == (68, 320)
    assert style((1920, 1080)) == (68, 68)
    assert style(None) == (45, 45)
