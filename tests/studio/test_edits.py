"""Edits of clips: times stay without gaps, and what is the user's is never lost or written over."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vn.errors import InputError
from vn.studio.edits import is_users, merge, move_border, set_labels, set_narration, split, write_from


def clips(*lengths):
    entries, at = [], 0.0
    for n, length in enumerate(lengths):
        entries.append({"start": at, "end": at + length, "labels": ["Others"], "narration": f"Narration {n}."})
        at += length
    return entries


EDIT = st.tuples(st.sampled_from(["split", "merge", "border", "mine", "label"]), st.integers(0, 8), st.floats(0, 1))


@given(st.lists(st.floats(0.5, 20), min_size=1, max_size=6), st.lists(EDIT, max_size=12))
def test_times_stay_without_gaps_and_own_words_are_kept(lengths, edits):
    entries = clips(*lengths)
    begin, end = entries[0]["start"], entries[-1]["end"]
    own = set()
    for n, (what, clip, share) in enumerate(edits):
        clip %= len(entries)
        one = entries[clip]
        last = one["end"] if what == "split" or clip + 1 == len(entries) else entries[clip + 1]["end"]
        second = one["start"] + share * (last - one["start"])
        try:
            if what == "split":
                split(entries, clip, second)
            elif what == "merge":
                merge(entries, clip)
            elif what == "border":
                move_border(entries, clip, second)
            elif what == "mine":
                own -= {word for word in own if is_users(one, "narration") and word in one["narration"].split()}
                own.add(f"word{n}")
                set_narration(entries, clip, f"word{n}")
            else:
                set_labels(entries, clip, ["Sore Point"])
        except InputError:
            continue
        assert entries[0]["start"] == begin
        assert entries[-1]["end"] == end
        assert all(a["end"] == b["start"] for a, b in pairwise(entries))
        assert all(e["end"] - e["start"] > 0.1 for e in entries)
        found = {word for e in entries if is_users(e, "narration") for word in e["narration"].split()}
        assert found == own


def test_a_narration_of_the_narrator_is_emptied_by_splits_and_merges_and_one_of_the_user_stays():
    entries = clips(4, 4)
    split(entries, 0, 1.5)
    assert [(e["start"], e["end"], e.get("narration")) for e in entries] == [
        (0, 1.5, None),
        (1.5, 4, None),
        (4, 8, "Narration 1."),
    ]
    set_narration(entries, 2, " My  words. ")
    set_labels(entries, 2, ["Sore Point"])
    merge(entries, 1)
    assert entries[1] == {
        "start": 1.5,
        "end": 8,
        "narration": "My words.",
        "labels": ["Sore Point"],
        "fixed": ["narration", "labels"],
    }


def test_an_emptied_field_is_the_narrators_again():
    (entry,) = entries = clips(3)
    set_narration(entries, 0, "Mine.")
    set_narration(entries, 0, "  ")
    set_labels(entries, 0, [])
    assert entry == {"start": 0, "end": 3}


def test_writing_from_a_clip_empties_the_first_narration_that_is_not_the_users():
    entries = clips(2, 2, 2)
    set_narration(entries, 1, "Mine.")
    write_from(entries, 1)
    assert [e.get("narration") for e in entries] == ["Narration 0.", "Mine.", None]
    set_narration(entries, 2, "Mine too.")
    with pytest.raises(InputError, match="every narration from here on is yours"):
        write_from(entries, 1)


@pytest.mark.parametrize("clip", [-1, 2, True, None, "0"])
def test_there_is_no_such_clip(clip):
    with pytest.raises(InputError, match="there is no clip"):
        set_narration(clips(1, 1), clip, "Mine.")


@pytest.mark.parametrize("second", [0, 0.1, 3.9, -1, float("nan"), float("inf")])
def test_a_border_stays_between_its_clips(second):
    entries = clips(2, 2)
    before = [dict(e) for e in entries]
    with pytest.raises(InputError, match=r"clips\[0\]"):
        move_border(entries, 0, second)
    assert entries == before
    with pytest.raises(InputError, match="unknown script label"):
        set_labels(entries, 0, ["Nonsense"])
