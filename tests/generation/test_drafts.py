"""Drafts change no token, whatever they guess; they only save passes."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from safetensors.numpy import save
from toy_narrator import SECONDS, STORY, D, T

from vn.adapter import assemble
from vn.errors import InputError
from vn.generation.decoding import Decoding
from vn.generation.draft import VideoInput
from vn.generation.drafts import Drafter
from vn.generation.story_writer import StoryWriter
from vn.llm.ngrams import DOUBT, FILE, LONGEST, MOST, TOKEN_BITS, Ngrams, count, read_ngrams, write_ngrams
from vn.story import Clip, Fixed, Story
from vn.template import Template

DECODINGS = {
    "greedy": Decoding(max_new_tokens=10),
    "penalised": Decoding(max_new_tokens=10, repetition_penalty=1.3),
    "without repeats": Decoding(max_new_tokens=10, no_repeat_ngram=2),
    "free labels": Decoding(max_new_tokens=8, constrain_labels=False),
    "sampled": Decoding(max_new_tokens=10, temperature=1.2, seed=3),
    "all of it": Decoding(8, 0.7, 20, 1.2, 3, length_control="exact", seed=1),
    "one token": Decoding(max_new_tokens=1),
}


def stories(frames):
    """Four of unequal length, one with a label and a narration that are given."""
    videos = []
    for n, length in enumerate((1, 2, 3)):
        clips = tuple(Clip(i, i + 1, STORY.clips[0].labels) for i in range(length))
        story = Story(f"story-{n}", "Lamp " * n + "a", "en", "ad", STORY.knowledge[: n % 3], clips)
        fixed = {length - 1: Fixed(labels=STORY.clips[2].labels), length // 2: Fixed(narration="The red kettle.")}
        videos.append(VideoInput(story, np.roll(frames, n, axis=0), SECONDS, fixed=fixed if n == 2 else {}))
    return videos


def told(assembly, decoding, videos, ngrams=None, at_once=2, storyline="predicted"):
    """The stories, and how many passes they took."""
    decoding = replace(decoding, drafts="none" if ngrams is None else "ngram")
    writer = StoryWriter(assembly.narrator, assembly.builder, decoding, ngrams=ngrams)
    pool, done = writer.pool(at_once), {}
    for n, each in enumerate(videos):
        pool.add(writer.story(each, storyline), lambda written, n=n: done.__setitem__(n, written))
    pool.finish()
    # What is known of labels differs in the last bits.
    return [[(w.clip, w.written, w.problem) for w in done[n]] for n in sorted(done)], pool.decoder.passes


def own_texts(assembly, plain):
    """The n-grams of what the narrator writes anyhow: most of what they guess is right."""
    tokens = assembly.builder.tokens
    texts = [(*tokens.encode(w.narration), tokens.newline) for story in plain for _, w, _ in story]
    return count(texts)


CASES = [(name, "predicted") for name in DECODINGS] + [("greedy", "given"), ("sampled", "given")]


@pytest.mark.parametrize(("name", "storyline"), CASES)
def test_drafts_change_no_token(make, frames, name, storyline):
    """Of n-grams that are right, wrong, and of anything; one story alone and three at once."""
    assembly, decoding = make(), DECODINGS[name]
    assembly.narrator.eval()
    videos = stories(frames)
    plain, passes = told(assembly, decoding, videos, at_once=1, storyline=storyline)
    right = own_texts(assembly, plain)
    random = np.random.default_rng(0)
    known = len(assembly.builder.tokens.tokenizer)
    anything = count(random.integers(0, known, size=(40, 30)).tolist())
    written, fewer = told(assembly, decoding, videos, right, 1, storyline)
    assert written == plain
    assert fewer < passes or decoding.max_new_tokens == 1 or decoding.length_control == "exact"
    for ngrams in (right, anything):
        assert told(assembly, decoding, videos, ngrams, 3, storyline)[0] == plain


@settings(max_examples=5)
@given(
    keys=arrays(np.uint32, st.integers(0, 400), elements=st.integers(0, 2**32 - 1)),
    share=st.integers(0, 255),
    seed=st.integers(0, 99),
)
def test_garbage_changes_no_token(wrote, keys, share, seed):
    """Any table with tokens of the vocabulary: keys in any order, and what they say at random."""
    assembly, videos, plain = wrote
    known = len(assembly.builder.tokens.tokenizer)
    says = np.random.default_rng(seed).integers(0, known, size=len(keys)).astype(np.uint32)
    ngrams = Ngrams(keys, says | np.uint32(share << TOKEN_BITS))
    assert told(assembly, Decoding(max_new_tokens=6), videos, ngrams)[0] == plain


@pytest.fixture(scope="module")
def wrote(card):
    """A narrator, two videos and what it writes of them."""
    torch.manual_seed(1)
    assembly = assemble(card, Template.load("ad-en"), torch.full((D,), 0.5), torch.full((D,), 2.0))
    assembly.narrator.eval()
    videos = stories(np.random.default_rng(0).normal(size=(10, T, D)).astype(np.float16))[:2]
    return assembly, videos, told(assembly, Decoding(max_new_tokens=6), videos)[0]


# -- the table ---------------------------------------------------------------------------------------------------------


def test_the_longest_context_that_says_something_else_is_used():
    ngrams = count([[1, 2, 3, 4], [5, 2, 3, 6], [7, 2, 3, 6], [8, 2, 3, 6]])
    assert ngrams.after([1, 2, 3])[0] == 4
    assert ngrams.after([9, 2, 3])[0] == 6
    assert ngrams.after([3])[0] == 6
    assert ngrams.after([6]) is None
    assert ngrams.after([]) is None


@given(st.lists(st.lists(st.integers(0, 6), max_size=9), max_size=12), st.lists(st.integers(0, 6), max_size=5))
def test_what_it_says_is_what_followed_most_often(texts, context):
    """By loops over all texts, for the longest context that occurs; pruning changes the share at most."""
    ngrams = count(texts)
    found = None
    for n in range(min(LONGEST, len(context)), 0, -1):
        after = [t[i] for t in texts for i in range(n, len(t)) if t[i - n : i] == context[len(context) - n :]]
        if after:
            most = max(map(after.count, after))
            found = min(token for token in after if after.count(token) == most), most / (len(after) + DOUBT)
            break
    said = ngrams.after(context)
    assert (said is None) == (found is None)
    if said is not None:
        assert said[0] == found[0]
        assert said[1] == pytest.approx(found[1], abs=0.11)


def test_many_narrations_take_a_few_megabytes(monkeypatch):
    """Of the most frequent contexts, no more than there is room for."""
    random = np.random.default_rng(0)
    texts = [random.zipf(1.3, size=40).clip(max=30_000) for _ in range(2000)]
    whole = count(texts)
    monkeypatch.setattr("vn.llm.ngrams.MOST", 500)
    some = count(texts)
    assert len(some.keys) == 500 < len(whole.keys)
    assert set(some.keys) <= set(whole.keys)
    assert some.after([1])[0] == whole.after([1])[0]
    assert MOST * 8 <= 10_000_000


def test_a_draft_ends_before_a_stop_and_at_its_length():
    ngrams = count([[1, 2, 3, 4, 9]] * 20)
    drafter = Drafter(ngrams, frozenset({9}))
    assert drafter.guess([1], 12) == [2, 3, 4]
    assert drafter.guess([1], 2) == [2, 3]
    assert drafter.guess([4], 12) == drafter.guess([1], 0) == drafter.guess([1], -1) == []


def test_a_draft_knows_the_texts_of_its_story():
    drafter = Drafter(count([]), frozenset())
    drafter.learn([7, 8, 5, 6])
    assert drafter.guess([7, 8], 12) == [5, 6]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda file: file.unlink(), "drafts.safetensors: No such file"),
        (lambda file: file.write_bytes(file.read_bytes()[:-3]), "is damaged: not the file that training wrote"),
        (lambda file: file.write_bytes(b""), "is damaged: not the file that training wrote"),
    ],
)
def test_a_damaged_file_is_one_sentence(tmp_path, damage, message):
    sha256 = write_ngrams(tmp_path, count([[1, 2, 3]]))
    assert read_ngrams(tmp_path, sha256, 4).after([1])[0] == 2
    damage(tmp_path / FILE)
    with pytest.raises(InputError, match=message):
        read_ngrams(tmp_path, sha256, 4)


def test_a_file_that_is_none_of_ours_is_one_sentence(tmp_path):
    for arrays_ in ({"keys": np.zeros(3, np.float32), "says": np.zeros(3, np.float32)}, {"other": np.zeros(3)}):
        data = save(arrays_)
        (tmp_path / FILE).write_bytes(data)
        with pytest.raises(InputError, match="is damaged"):
            read_ngrams(tmp_path, hashlib.sha256(data).hexdigest(), 400)


def test_ngrams_of_another_vocabulary_and_folders_without_any_are_refused(tmp_path):
    sha256 = write_ngrams(tmp_path, count([[1, 2, 300]]))
    with pytest.raises(InputError, match="has the token 300, and the base model 100 tokens"):
        read_ngrams(tmp_path, sha256, 100)
    with pytest.raises(InputError, match="has no n-grams for drafts"):
        read_ngrams(tmp_path, None, 100)


def test_beams_and_drafts_are_refused_and_so_are_drafts_without_ngrams(make):
    with pytest.raises(InputError, match="and drafts are of one that is written token by token: give one of the two"):
        Decoding(beams=4, drafts="ngram")
    assembly = make()
    with pytest.raises(InputError, match="drafts: needs the n-grams"):
        StoryWriter(assembly.narrator, assembly.builder, Decoding(drafts="ngram"))


def test_static_passes_have_no_drafts(make, frames, caplog):
    assembly = make()
    assembly.narrator.eval()
    videos, decoding = stories(frames)[:2], Decoding(max_new_tokens=6, drafts="ngram")
    writer = StoryWriter(assembly.narrator, assembly.builder, decoding, static=True, ngrams=count([[1, 2]]))
    written = writer.write_all(videos)
    assert "no drafts on this device" in caplog.text
    plain = StoryWriter(assembly.narrator, assembly.builder, replace(decoding, drafts="none"), static=True)
    assert written == plain.write_all(videos)
