"""The review page as a file: batches that stay the same, escaped texts, a policy that allows only its own scripts."""

import base64
import hashlib
import html
import json
import re

import pytest
from finished_runs import EVIL
from reviewed_stories import drafts_in, write_draft, write_stories, write_video

from vn.annotate.draft import Draft, DraftClip
from vn.annotate.review.batches import FILE, batches_of, read_batches
from vn.annotate.review.media import Media
from vn.annotate.review.page import PageSettings, page_data, texts, write_pages
from vn.annotate.stage import Mark, RawVideo
from vn.cli import main
from vn.errors import Findings, InputError


@pytest.fixture(scope="module")
def stories(tmp_path_factory):
    return write_stories(tmp_path_factory.mktemp("pages"), ("en", "zh", "en"), EVIL)


def data_in(page):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1])


def test_a_page_has_its_batch_and_lets_only_its_own_scripts_run(stories, capsys):
    assert main(["review", "page", str(stories), "--batch", "2"]) == 0
    assert f"wrote 2 pages to {stories / 'review'}: 3 videos, 9 clips, 3 marked" in capsys.readouterr().out
    page = (stories / "review" / "batch-001.html").read_text("utf-8")
    data = data_in(page)
    assert [video["id"] for video in data["videos"]] == ["film-0", "film-1"]
    assert data["videos"][0]["file"] == "../../videos/film%200.mp4"
    assert data["videos"][0]["fps"] == 25
    assert data["videos"][0]["clips"][1]["marks"][0][0] == "far"
    assert data["videos"][0]["clips"][0]["text"].endswith(EVIL)
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    policy = html.unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1])
    hashes = {f"'sha256-{base64.b64encode(hashlib.sha256(x.encode()).digest()).decode()}'" for x in scripts}
    allowed = re.search(r"script-src ([^;]*);", policy)[1].split()
    assert set(allowed) == hashes
    assert policy.startswith("default-src 'none'")
    assert "media-src 'self' file:;" in policy
    assert "<img" not in page
    assert re.findall(r"https?://[^\s\"<]+", page) == []
    assert {file.name for file in (stories / "review").iterdir()} == {"batch-001.html", "batch-002.html", FILE}


def test_media_from_a_server(stories):
    assert main(["review", "page", str(stories), "--media-url", "http://localhost:8081/ads", "--interface", "zh"]) == 0
    page = (stories / "review" / "batch-001.html").read_text("utf-8")
    assert data_in(page)["videos"][1]["file"] == "http://localhost:8081/ads/film%201.mp4"
    assert "media-src http://localhost:8081;" in page
    assert '<html lang="zh-CN">' in page


def test_batches_stay_as_they_are_and_new_videos_get_new_ones(tmp_path):
    assert batches_of(tmp_path, ["a", "b", "c"], 2) == {"batch-001": ["a", "b"], "batch-002": ["c"]}
    (tmp_path / FILE).write_text(json.dumps({"batch-001": ["c", "a"], "batch-003": ["gone"]}))
    again = batches_of(tmp_path, ["a", "b", "d", "e", "f"], 2)
    new = {"batch-004": ["b", "d"], "batch-005": ["e", "f"]}
    assert again == {"batch-001": ["c", "a"], "batch-003": ["gone"], **new}
    for text, message in (
        ("[]", "expected batches by name"),
        ('{"first": ["a"]}', "expected a name as batch-001"),
        ('{"batch-001": "a"}', "batch-001: expected ids of videos"),
    ):
        (tmp_path / FILE).write_text(text)
        with pytest.raises(InputError, match=message):
            read_batches(tmp_path)


def test_the_name_of_a_batch_is_not_used_again_when_its_videos_are_gone(tmp_path):
    video, pages = write_video(tmp_path / "a.mp4"), tmp_path / "pages"
    drafts = [
        Draft(RawVideo(id, video, "0", "en"), "Kettle", (), None, (DraftClip(0.0, 2.0),)) for id in ("a", "b", "c")
    ]
    for shown in ([0], [1], [2]):
        write_pages(pages, [drafts[n] for n in shown], PageSettings(size=1), Findings())
    assert read_batches(pages) == {"batch-001": ["a"], "batch-002": ["b"], "batch-003": ["c"]}
    assert [page.name for page in write_pages(pages, [drafts[0]], PageSettings(size=1), Findings())] == [
        "batch-001.html"
    ]


def test_the_most_marked_videos_come_first_if_asked(tmp_path):
    video = write_video(tmp_path / "a.mkv")
    drafts = []
    for n, marks in enumerate((0, 3, 1)):
        why = tuple(Mark("why", "far", 0) for _ in range(marks))
        raw = RawVideo(f"v{n}", video, "0", "en")
        drafts.append(Draft(raw, "Kettle", (), None, (DraftClip(0.0, 2.0, marks=why),)))
    findings = Findings()
    write_pages(tmp_path / "pages", drafts, PageSettings(size=1, marked_first=True), findings)
    assert read_batches(tmp_path / "pages") == {"batch-001": ["v1"], "batch-002": ["v2"], "batch-003": ["v0"]}
    assert len(findings) == 3
    assert "browsers play .mp4 .m4v .webm .mov .ogv, not .mkv: batch-001.html may not show it" in findings.lines[0]


def test_the_hash_of_a_page_changes_with_its_drafts_and_its_id_with_its_videos(stories, tmp_path):
    drafts = list(drafts_in(stories).values())
    media = Media(tmp_path, [draft.video.file for draft in drafts], None)
    data = page_data("batch-001", drafts[:2], media, "en")
    other = page_data("batch-001", drafts[1:], media, "en")
    assert other["id"] != data["id"]
    write_draft(stories, drafts[0].video, EVIL, texts=("Other.", "Texts.", "Here."))
    changed = page_data("batch-001", list(drafts_in(stories).values())[:2], media, "en")
    assert changed["id"] == data["id"]
    assert changed["content"] != data["content"]
    assert [a["content"] == b["content"] for a, b in zip(changed["videos"], data["videos"], strict=True)] == [
        False,
        True,
    ]
    write_draft(stories, drafts[0].video, EVIL, marks=False)
    assert page_data("batch-001", list(drafts_in(stories).values())[:2], media, "en")["content"] == data["content"]


def test_both_languages_say_the_same_things():
    english, chinese = texts("en"), texts("zh")
    assert list(english) == list(chinese)
    assert len(english["keys"]) == len(chinese["keys"])
    for name, text in english.items():
        if isinstance(text, str):
            assert set(re.findall(r"\{\w+\}", text)) == set(re.findall(r"\{\w+\}", chinese[name])), name
        elif isinstance(text, dict):
            assert list(text) == list(chinese[name])


def test_a_folder_that_vn_annotate_did_not_write(tmp_path, capsys):
    for action in (["page"], ["export"], ["import"], ["agreement"]):
        words = {"export": ["--media-url", "/x"], "import": ["x.json"]}.get(action[0], [])
        assert main(["review", *action, str(tmp_path), *words]) == 2
        error = capsys.readouterr().err
        assert error.startswith(f"vn review: error: {tmp_path}")
        assert len(error.splitlines()) == 1
    assert main(["review", "page", str(tmp_path), "--batch", "0"]) == 2
    assert "--batch: expected 1 to 999, got 0" in capsys.readouterr().err


def test_results_of_a_command_that_did_not_finish_are_named(tmp_path, capsys):
    """A page of old texts in new clips would be reviewed for nothing."""
    stories = write_stories(tmp_path)
    report = stories / "stages" / "annotate.json"
    for finished in (True, False):
        if not finished:
            report.write_text(json.dumps({k: v for k, v in json.loads(report.read_text()).items() if k != "seconds"}))
        for words in (["page"], ["export", "--media-url", "/x"]):
            assert main(["review", words[0], str(stories), *words[1:]]) == 0
            error = capsys.readouterr().err
            assert ("the last vn annotate did not finish; repeat it" in error) != finished
