"""Script-label accuracy of a test with given labels: how often a judge finds them in the narrations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

from vn.errors import Findings
from vn.io.disk_cache import DiskCache
from vn.metrics.bootstrap import mean
from vn.metrics.labels import agree, agree_exactly, cohen_kappa
from vn.score.judge import Judge, Verdicts, judge_texts
from vn.score.predictions import Test
from vn.score.sums import Measured, NotComputed, of_clips, with_count

ACCURACY = {"script_label_accuracy": agree, "script_label_exact": agree_exactly}
NOT_GIVEN = "no labels were given"
SHOWN = 3


def script_labels(
    test: Test,
    judge: Judge,
    second: Judge | None,
    cache: DiskCache,
    findings: Findings,
    on_answer: Callable[[int, int], None] = lambda done, of: None,
) -> Measured:
    """The share of narrations that a judge gives the label they were asked to have; under both rules.

    A narration that is empty, or for which the judge's answer cannot be read, does not agree. With a second judge, the
    entries state how far both agree beyond chance (Cohen's kappa).

    Raises:
        InputError: a judge failed; what was judged is kept.
    """
    wanted = {clip: clip.asked or (None if clip.predicted else clip.reference_labels) for clip in test.clips}
    clips = [clip for clip in test.clips if wanted[clip]]
    if not any(clip.asked for clip in clips):
        return dict.fromkeys(ACCURACY, NotComputed(NOT_GIVEN))
    texts = [clip.narration for clip in clips if clip.narration]
    verdicts = judge_texts(judge, texts, cache, on_answer)
    _note_unread(verdicts, findings)
    notes = {"judge": _described(judge, verdicts)}
    if second is not None:
        other = judge_texts(second, texts, cache, on_answer)
        _note_unread(other, findings)
        notes["second_judge"] = _described(second, other)
        both = [(verdicts.labels[t], other.labels[t]) for t in texts]
        kappa = cohen_kappa([a or () for a, _ in both], [b or () for _, b in both])
        notes["kappa"] = {"value": kappa, "narrations": len(both)}
    measured: Measured = {}
    for name, rule in ACCURACY.items():
        hits = [bool(c.narration) and rule(verdicts.labels[c.narration] or (), wanted[c] or ()) for c in clips]
        measured[name] = of_clips(test, clips, with_count(hits), mean, model=judge.id, notes=notes)
    return measured


def _described(judge: Judge, verdicts: Verdicts) -> dict[str, object]:
    described: dict[str, object] = {"id": judge.id, "unread": len(verdicts.unread), **asdict(verdicts.cost)}
    held_out = getattr(judge, "held_out", None)
    if held_out is not None:
        described["agrees_on_held_out"] = list(held_out)
    return described


def _note_unread(verdicts: Verdicts, findings: Findings) -> None:
    if verdicts.unread:
        shown = "; ".join(repr(answer) for answer in list(verdicts.unread.values())[:SHOWN])
        findings.add(
            f"the judge {verdicts.judge} gave {len(verdicts.unread)} of {len(verdicts.labels)} answers that are not "
            f"labels, which count as disagreement: {shown}"
        )
