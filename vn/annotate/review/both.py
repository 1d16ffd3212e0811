"""The videos that two reviewers have both reviewed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

from vn.annotate.results import ReviewedClip
from vn.annotate.review.choose import Review, latest_reviews
from vn.annotate.review.review_file import OPEN, ReviewFile
from vn.errors import Findings
from vn.story import Language

Pair = tuple[str, str]
Both = tuple[Sequence[ReviewedClip], Sequence[ReviewedClip], Language]


def pairs_of(
    reviews: Sequence[ReviewFile],
    languages: Mapping[str, Language],
    only: Sequence[str] | None,
    findings: Findings,
) -> dict[Pair, list[Both]]:
    """The reviews of every two people about the same videos, each person's latest.

    Videos in which one of them left a clip open, or of which they reviewed different drafts, do not count.

    Args:
        reviews: all review files.
        languages: the language of each video.
        only: the two to compare; None: every two.
        findings: receives how many videos do not count.

    Returns:
        Names -> the clips of each video as they left them; nobody who has no video in common.
    """
    found: dict[Pair, list[Both]] = {}
    open_, other = 0, 0
    for video, language in languages.items():
        own = [Review(x.file, x.reviewer, x.saved, x.videos[video]) for x in reviews if video in x.videos]
        latest = {each.reviewer: each.video for each in latest_reviews(own, findings) if each.video.reviewed}
        for first, second in combinations(sorted(latest), 2):
            if only is not None and {first, second} != set(only):
                continue
            one, two = latest[first], latest[second]
            if one.content != two.content:
                other += 1
            elif any(clip.state == OPEN for clip in (*one.clips, *two.clips)):
                open_ += 1
            else:
                clips = ([each.clip for each in one.clips], [each.clip for each in two.clips], language)
                found.setdefault((first, second), []).append(clips)
    if open_:
        findings.add(f"{open_} videos do not count: one of the two reviewers left clips open")
    if other:
        findings.add(f"{other} videos do not count: the two reviewers had different drafts")
    return found
