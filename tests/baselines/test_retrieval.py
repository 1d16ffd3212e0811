"""The retrieval baseline: a plain loop agrees, duplicates are found, labels and ranges as asked, errors."""

import argparse
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import D, T, damage, make_story, write_data
from range_server import RangeServer

from vn.baselines import clip_index
from vn.baselines.clip_index import Wanted, clip_vectors, open_index
from vn.baselines.context import Context
from vn.baselines.retrieval import RetrievalWriter, add_arguments, open_writer
from vn.baselines.writer import BaselineVideo
from vn.data.manifest import Manifest
from vn.data.shard_writer import ShardWriter
from vn.data.shards import read_sample
from vn.errors import Findings, InputError
from vn.io.disk_cache import DiskCache
from vn.io.remote import open_folder
from vn.story import Fixed, WordRange, WordRangeRule, count_words

RULE = WordRangeRule("reference")


class Content:
    """Features from memory."""

    def __init__(self, frames, seconds):
        self._features = frames, seconds

    def features(self):
        return self._features

    def rgb(self):
        raise InputError("no frames")


def samples_of(folder, split):
    manifest = Manifest.load(folder)
    return [read_sample(folder / entry.shard, entry) for entry in manifest.samples(split)]


def video(sample, storyline="predicted", words=None):
    story, frames, seconds = sample
    clips = list(story.narrated) or list(range(len(story.clips)))
    ranges = {i: words or RULE.range_of(story.clips[i], story.language) for i in clips}
    fixed = {i: Fixed(story.clips[i].labels) for i in clips} if storyline == "given" else {}
    return BaselineVideo(story, clips, ranges, Content(frames, seconds), fixed)


def opened(folder, cache, *options, language="en", domain="ad"):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    args = parser.parse_args([*options, "--index", str(cache)])
    place = open_folder(folder)
    context = Context(language, domain, RULE, DiskCache(), Findings(), place, Manifest.load(place))
    return open_writer(args, context)


def write_split(folder, stories, standardise=True, seed=0, frames_of=None):
    """A data folder whose train split has just these stories; frames are random, or those given by id."""
    random = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "train-00000.tar", "wb") as file:
        writer = ShardWriter(file, "train-00000.tar", 0)
        for story in stories:
            count = int(story.clips[-1].end)
            frames = random.normal(1.0, 2.0, size=(count, T, D)).astype(np.float16)
            if frames_of is not None:
                frames = frames_of(story, count)
            writer.add(story, frames, np.arange(count, dtype=np.float32), None)
        shards = [writer.close()]
    Manifest(
        encoder={"id": "made-up", "settings": {}, "weights_sha256": None},
        similarity_threshold=0.9,
        standardise=standardise,
        tokens=T,
        width=D,
        statistics={"mean": np.linspace(-1, 1, D), "std": np.linspace(0.5, 2, D)},
        language="en",
        domain="ad",
        splits={"train": shards, "val": (), "test": ()},
    ).save(folder)
    return folder


def by_loops(folder, sample, wanted, skip_own=True):
    """The answer in plain loops over training clips: (video, clip, rank)."""
    manifest = Manifest.load(folder)
    mean, std = manifest.statistics["mean"], manifest.statistics["std"]

    def vector(story, frames, seconds, i):
        clip = story.clips[i]
        inside = [f for f in range(len(seconds)) if clip.start <= seconds[f] < clip.end]
        assert inside
        tokens = [frames[f, t].astype(np.float64) for f in inside for t in range(frames.shape[1])]
        own = sum(tokens) / len(tokens)
        return (own - mean) / std if manifest.standardise else own

    story, frames, seconds = sample
    found = []
    for i, each in wanted.items():
        query, best = vector(story, frames, seconds, i), None
        for other, other_frames, other_seconds in samples_of(folder, "train"):
            if skip_own and other.id == story.id:
                continue
            for j in other.narrated:
                clip = other.clips[j]
                one = vector(other, other_frames, other_seconds, j)
                similar = float(one @ query / np.sqrt(one @ one) / np.sqrt(query @ query))
                mine, theirs = set(each.labels or ()), set(clip.labels or ())
                alike = 0 if not mine or mine == theirs else 1 if mine & theirs else 2
                inside = each.words is None or count_words(clip.narration, "en") in each.words
                rank = (4 if alike == 2 else alike) + (0 if inside else 1 if alike == 2 else 2)
                if best is None or (rank, -round(similar, 6)) < best[0]:
                    best = (rank, -round(similar, 6)), (other.id, j, rank)
        found.append(best[1])
    return found


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), standardise=st.booleans(), block=st.sampled_from([1, 3, 1 << 15]), data=st.data())
def test_a_plain_loop_over_the_training_clips_agrees(tmp_path_factory, seed, standardise, block, data):
    random = np.random.default_rng(seed)
    stories = [make_story(f"s{n}", random) for n in range(int(random.integers(2, 6)))]
    folder = write_split(tmp_path_factory.mktemp("data"), stories, standardise, seed)
    sample = samples_of(folder, "train")[data.draw(st.integers(0, len(stories) - 1))]
    story, frames, seconds = sample
    labels = data.draw(st.booleans())
    words = data.draw(st.sampled_from([None, WordRange(3, 5), WordRange(8, 8), WordRange(40, 50)]))
    wanted = {i: Wanted(story.clips[i].labels if labels else None, words) for i in story.narrated}
    manifest = Manifest.load(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clip_index, "BLOCK", block)
        index = open_index(folder, manifest, "en", "ad", folder / "index")
        statistics = (manifest.statistics["mean"], manifest.statistics["std"]) if standardise else None
        vectors = clip_vectors(frames, seconds, [story.clips[i] for i in wanted], statistics)
        own = manifest.samples("train").find(story.id)
        found = index.nearest(vectors, list(wanted.values()), own)
        everything = index.nearest(vectors, list(wanted.values()), None)
    assert [(n.video, n.clip, n.rank) for n in found] == by_loops(folder, sample, wanted)
    assert [(n.video, n.clip, n.rank) for n in everything] == by_loops(folder, sample, wanted, skip_own=False)
    texts = {s.id: s for s in stories}
    for one in found:
        assert one.narration == texts[one.video].clips[one.clip].narration
        assert one.labels == texts[one.video].clips[one.clip].labels


@pytest.mark.parametrize("storyline", ["predicted", "given"])
@settings(max_examples=15)
@given(seed=st.integers(0, 10_000))
def test_exact_duplicates_are_found_and_the_first_wins(tmp_path_factory, storyline, seed):
    random = np.random.default_rng(seed)
    stories = [make_story(f"s{n}", random) for n in range(4)]
    first, last = replace(stories[1], id="first"), replace(stories[1], id="last")
    shared = random.normal(size=(int(stories[1].clips[-1].end), T, D)).astype(np.float16)
    folder = write_split(
        tmp_path_factory.mktemp("data"),
        [stories[0], first, *stories[2:], last],
        seed=seed,
        frames_of=lambda s, count: (
            shared if s.id in ("first", "last") else random.normal(size=(count, T, D)).astype("f2")
        ),
    )
    asked = replace(stories[1], id="asked")
    writer = opened(folder, folder / "index")
    written = writer.write(video((asked, shared, np.arange(len(shared), dtype=np.float32)), storyline), storyline)
    assert [(w.clip, w.written.labels, w.written.narration) for w in written] == [
        (i, asked.clips[i].labels, asked.clips[i].narration) for i in asked.narrated
    ]
    assert writer.report() == {"clips": len(written), "no_such_label": 0, "out_of_range": 0}
    # The same video in the train split does not count, but its duplicate does.
    again = writer.write(video((first, shared, np.arange(len(shared), dtype=np.float32)), storyline), storyline)
    assert [w.written for w in again] == [w.written for w in written]
    index = writer._index
    vectors = clip_vectors(shared, np.arange(len(shared)), [asked.clips[i] for i in asked.narrated], writer._statistics)
    for name in (None, Manifest.load(folder).samples("train").find("first")):
        found = index.nearest(vectors, [Wanted()] * len(vectors), name)
        assert {n.video for n in found} == {"first" if name is None else "last"}


def test_a_range_is_preferred_only_if_asked_for_and_what_was_not_found_is_counted(tmp_path, data):
    sample = samples_of(data, "test")[0]
    far = video(sample, words=WordRange(500, 600))
    plain, within = opened(data, tmp_path), opened(data, tmp_path, "--within-range")
    assert (plain.name, within.name) == ("retrieval", "retrieval, within range")
    assert plain.settings != within.settings
    nearest = [w.written.narration for w in plain.write(far, "predicted")]
    assert [w.written.narration for w in within.write(far, "predicted")] == nearest
    assert within.report()["out_of_range"] == len(far.clips)
    assert plain.report()["out_of_range"] == 0, "nothing was asked for"
    words = {i: WordRange(4, 4) for i in far.clips}
    chosen = within.write(replace(far, words=words), "predicted")
    assert {count_words(w.written.narration, "en") for w in chosen} == {4}
    assert {w.written.words for w in chosen} == {WordRange(4, 4)}


def test_what_is_fixed_is_kept(tmp_path, data):
    each = video(next(s for s in samples_of(data, "test") if len(s[0].narrated) > 1))
    first, second = each.clips[:2]
    label = each.story.clips[first].labels
    fixed = {first: Fixed(label), second: Fixed(narration="As the user wrote it.")}
    written = opened(data, tmp_path).write(replace(each, fixed=fixed), "predicted")
    assert (written[0].written.labels, written[0].given) == (label, label)
    assert written[1].written.narration == "As the user wrote it."
    assert written[1].given is None
    with pytest.raises(InputError, match=rf"clips\[{first}\].labels: no script label to follow"):
        opened(data, tmp_path).write(replace(each, fixed={}), "given")


def test_an_index_is_made_once_and_again_if_it_is_damaged(tmp_path, data, monkeypatch):
    asked = video(samples_of(data, "test")[0])
    told = opened(data, tmp_path).write(asked, "predicted")
    made = []
    whole = clip_index._make
    monkeypatch.setattr(clip_index, "_make", lambda *args: (made.append(args), whole(*args)))
    assert opened(data, tmp_path).write(asked, "predicted") == told
    assert not made
    (folder,) = (p for p in tmp_path.iterdir() if p.is_dir())
    for name, spoil in {
        "index.json": lambda f: f.unlink(),
        "vectors.f32": lambda f: f.write_bytes(f.read_bytes()[:-4]),
        "texts.jsonl": lambda f: f.write_bytes(b""),
        "labels.npy": lambda f: f.write_bytes(b"x"),
    }.items():
        made.clear()
        spoil(folder / name)
        assert opened(data, tmp_path).write(asked, "predicted") == told
        assert len(made) == 1


def test_a_folder_behind_a_url_gives_the_same(tmp_path, data):
    asked = video(samples_of(data, "test")[0])
    with RangeServer(data) as server:
        folder = open_folder(server.url, cache_folder=tmp_path / "cache")
        there = opened(folder, tmp_path / "there").write(asked, "predicted")
    assert there == opened(data, tmp_path / "here").write(asked, "predicted")


def test_the_general_domain_has_no_labels(tmp_path):
    random = np.random.default_rng(1)
    stories = [make_story(f"s{n}", random) for n in range(3)]
    plain = [replace(s, domain="general", clips=tuple(replace(c, labels=None) for c in s.clips)) for s in stories]
    folder = write_split(tmp_path / "data", plain)
    written = opened(folder, tmp_path, domain="general").write(video(samples_of(folder, "train")[0]), "predicted")
    assert {w.written.labels for w in written} == {None}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda v: replace(v, content=Content(np.zeros((4, T, D + 1), np.float16), np.arange(4))),
            "expected frames of 2 x 6.*got 2 x 7",
        ),
        (lambda v: replace(v, content=Content(np.zeros((0, T, D), np.float16), np.arange(0))), "has no frames"),
    ],
)
def test_features_of_another_shape_are_refused(tmp_path, data, change, message):
    asked = video(samples_of(data, "test")[0])
    with pytest.raises(InputError, match=f"^{asked.story.id}: {message}"):
        opened(data, tmp_path).write(change(asked), "predicted")


def test_data_that_nothing_can_be_taken_from_are_refused(tmp_path, data):
    with pytest.raises(InputError, match="no narrated clip in zh of the domain ad"):
        opened(data, tmp_path, language="zh")
    with pytest.raises(InputError, match="no narrated clip in en of the domain general"):
        opened(data, tmp_path, domain="general")
    with pytest.raises(InputError, match="has no train split"):
        opened(write_data(tmp_path / "tests only", train=(0,)), tmp_path)
    one = write_split(tmp_path / "one", [make_story("only", np.random.default_rng(0))])
    with pytest.raises(InputError, match="only: the train split has no clip of another video"):
        opened(one, tmp_path).write(video(samples_of(one, "train")[0]), "predicted")
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    with pytest.raises(InputError, match="--data: retrieval takes narrations from a train split"):
        open_writer(parser.parse_args([]), Context("en", "ad", RULE, DiskCache(), Findings()))
    damaged = tmp_path / "damaged"
    shutil.copytree(data, damaged)
    damage(damaged, "train-0-1")
    with pytest.raises(InputError, match="train-0-1"):
        opened(damaged, tmp_path / "fresh")


def test_settings_are_plain_and_name_what_was_searched(tmp_path, data):
    writer = opened(data, tmp_path)
    assert isinstance(writer, RetrievalWriter)
    manifest = Manifest.load(data)
    assert json.loads(json.dumps(writer.settings)) == {
        "within_range": False,
        "train": {
            "manifest": manifest.sha256,
            "clips": sum(len(s.narrated) for s, _, _ in samples_of(data, "train")),
            "encoder": "made-up",
        },
    }
