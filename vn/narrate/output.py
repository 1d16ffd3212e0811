"""The output of ``vn narrate``: story.json, subtitles, and a table on the screen."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vn.errors import Findings, InputError
from vn.io.atomic import write_text
from vn.io.paths import relative
from vn.story import Story, count_words
from vn.story_file.edit import Plan
from vn.story_file.record import record

if TYPE_CHECKING:
    from vn.written import WrittenClip


def save(
    out: Path, plan: Plan, written: Sequence[WrittenClip], made_with: Mapping[str, Any], findings: Findings
) -> None:
    """Write ``story.json``, ``story.srt`` and ``story.vtt`` into a folder.

    Args:
        out: the folder.
        plan: the story, and which parts of it were given.
        written: the clips that were narrated.
        made_with: narrator and options, for the story's record.
        findings: collects warnings, which are written to the story.
    """
    from vn.narrate.knowledge_dropped import dropped_message, dropped_points
    from vn.subtitles.cues import cues, srt, vtt

    story, first = plan.story, plan.first or 0
    data = story.to_dict()
    for each in written:
        if each.clip < first:
            data["clips"][each.clip] = plan.entries[each.clip]
        else:
            before = plan.entries[each.clip] if plan.entries else {}
            data["clips"][each.clip] |= _added(story, each, plan.given.get(each.clip, ()), before)
    if dropped := dropped_points(story, written):
        data["knowledge_dropped"] = [{"aspect": aspect, "point": point} for aspect, point in dropped]
        findings.add(dropped_message(story, dropped), file=plan.story.video, field="knowledge")
    data["warnings"] = [*plan.warnings, *(line for line in findings.lines if line not in plan.warnings)]
    if story.video:
        data["video"] = relative(story.video, out)
    if plan.render is not None:
        data["render"] = plan.render
    picture = plan.picture or _picture(story)
    data["record"] = record(story, made_with, out, picture)
    write_text(out / "story.json", json.dumps(data, ensure_ascii=False, indent=1) + "\n")
    upright = picture is not None and picture[1] > picture[0]
    lines = cues([(c.start, c.end, c.narration or "") for c in story.clips], story.language, upright)
    write_text(out / "story.srt", srt(lines))
    write_text(out / "story.vtt", vtt(lines))


def _picture(story: Story) -> tuple[int, int] | None:
    """Width and height of the video's frames as displayed."""
    from vn.data.video import probe

    if not story.video:
        return None
    try:
        info = probe(story.video)
    except InputError:  # gone since it was read
        return None
    return info.width, info.height


def _added(story: Story, written: WrittenClip, given: Any, before: Mapping[str, Any]) -> dict[str, Any]:
    """How a clip was made."""
    from vn.narrate.knowledge_use import used_points
    from vn.written import kept_odds

    words, narration = written.written.words, written.written.narration
    added: dict[str, Any] = {
        "word_range": [words.low, words.high],
        "words": count_words(narration, story.language),
        "knowledge_used": [
            {"aspect": aspect, "point": point}
            for aspect, point in used_points(narration, story.knowledge, story.language)
        ],
    }
    odds = kept_odds(written.odds, story.language)
    if odds is None and "labels" not in given:
        odds = before.get("label_odds")  # the labels are kept, and so are their probabilities
    if odds:
        added["label_odds"] = odds
    if given:
        added["fixed"] = list(given)
    return added


def show(plan: Plan, written: list[WrittenClip], out: Path, findings: Findings) -> None:
    """Print the story as a table, how much of the knowledge it uses, and the files that were written."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from vn.narrate.knowledge_use import used_points

    story = plan.story
    used: dict[str, None] = {}  # an ordered set
    table = Table("time", "script label", "narration", "words", title=escape(story.title))
    for each in written:
        clip = story.clips[each.clip]
        count, words = count_words(each.written.narration, story.language), each.written.words
        label = "+".join(x.text(story.language) for x in each.written.labels or ())
        mark = "" if count in words else " !"
        yours = "" if each.clip < (plan.first or 0) else " (yours)"
        given = plan.given.get(each.clip, ())
        table.add_row(
            f"{clip.start:.1f}-{clip.end:.1f}",
            escape(label) + (yours if "labels" in given else ""),
            escape(each.written.narration) + (yours if "narration" in given else ""),
            f"{count} of {words.low}-{words.high}{mark}",
        )
        used |= {point: None for _, point in used_points(each.written.narration, story.knowledge, story.language)}
    Console().print(table)
    if points := sum(len(each.points) for each in story.knowledge):
        print(f"uses {len(used)} of {points} knowledge points{': ' if used else ''}{', '.join(used)}")
    if plan.first:
        print(f"clips 1 to {plan.first} are unchanged")
    if findings:
        print(findings.summary(), file=sys.stderr)
    print(f"wrote {out / 'story.json'}, story.srt, story.vtt")
