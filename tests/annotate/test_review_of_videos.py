"""From videos to pages to stories: `vn annotate`, a review, `vn annotate` again, which makes that video alone again."""

import json

from reviewed_stories import COLOURS, SPANS, review_of, saved_clip, write_review, write_video

from vn.annotate.review.drafts import machine_drafts
from vn.cli import main

LINES = ("Cold tea again?", "It boils in a minute.", "Order yours today.")


def test_a_review_changes_the_story_of_its_video_alone(tmp_path, capsys):
    words, stories = two_videos(tmp_path), tmp_path / "stories"
    assert main(words) == 0, capsys.readouterr().err
    assert main(["review", "page", str(stories)]) == 0
    draft = machine_drafts(stories)[0]
    texts = [clip.narration for clip in draft.clips]
    assert " ".join(texts) == " ".join(LINES)
    data = review_of([draft])
    data["videos"][0]["clips"] = [saved_clip(x, narration=f"Reviewed {i}.") for i, x in enumerate(draft.clips)]
    write_review(stories, data)
    before = times(stories)
    assert main(words) == 0, capsys.readouterr().err
    assert {name for name, time in times(stories).items() if time != before[name]} == {"film-0.json"}
    found = {file.stem: json.loads(file.read_text()) for file in stories.glob("t*/*.json")}
    found |= {file.stem: json.loads(file.read_text()) for file in stories.glob("val/*.json")}
    assert [clip["narration"] for clip in found["film-0"]["clips"]] == [f"Reviewed {i}." for i in range(len(texts))]
    assert [clip["narration"] for clip in found["film-1"]["clips"]] == texts
    assert main(["review", "page", str(stories)]) == 0
    assert [clip.narration for clip in machine_drafts(stories)[0].clips] == texts  # so the review still fits
    assert main(words) == 0


def test_a_reviewed_video_that_is_gone_is_named_as_long_as_it_is(tmp_path, capsys):
    words, stories = two_videos(tmp_path), tmp_path / "stories"
    assert main(words) == 0
    write_review(stories, review_of(machine_drafts(stories)))
    capsys.readouterr()
    there, away = tmp_path / "videos" / "film-1.mp4", tmp_path / "film-1.mp4"
    for source, target, named in ((there, there, False), (there, away, True), (away, there, False)):
        source.rename(target)
        assert main(words) == 0
        assert ("film-1: there is no such video" in capsys.readouterr().err) == named


def two_videos(folder):
    """Two videos with subtitles, and the words that annotate them."""
    for n in range(2):
        video = write_video(folder / "videos" / f"film-{n}.mp4", colours=COLOURS if n else COLOURS[::-1])
        video.with_suffix(".srt").write_text(srt(LINES))
    return ["annotate", f"{folder}/videos", "--out", f"{folder}/stories", "--language", "en", "--speech", "subtitles"]


def times(stories):
    return {file.name: file.stat().st_mtime_ns for file in (stories / "stages" / "review").iterdir()}


def srt(lines):
    def stamp(seconds):
        return f"00:00:{seconds:06.3f}".replace(".", ",")

    cues = zip(SPANS, lines, strict=True)
    return "\n".join(f"{i}\n{stamp(a)} --> {stamp(b)}\n{text}\n" for i, ((a, b), text) in enumerate(cues, 1))
