import numpy as np
import pytest
import torch
from toy_narrator import SECONDS, STORY, T

from vn.errors import InputError
from vn.generation.decoding import Decoding
from vn.generation.draft import VideoInput
from vn.generation.labels import LabelTrie
from vn.generation.story_writer import StoryWriter
from vn.llm.packing import collate
from vn.prompt import PromptWriter
from vn.story import Clip, ScriptLabel, Story, format_labels, parse_labels

SHORT = Decoding(max_new_tokens=12)


@torch.no_grad()
def greedy_again(assembly, story, frames, clip, earlier, labels, count):
    """Greedy narration with everything re-encoded for every token: no cache at all."""
    narrator, builder = assembly.narrator, assembly.builder
    plan = builder.plan(story, frames, SECONDS, clip)
    row = builder.prompt(story, plan, clip, earlier, reserve=0)
    writer = PromptWriter(story, builder.template)
    for segment in [*writer.label(labels), writer.narration_lead(clip)]:
        row.ids.extend(builder.tokens.encode(segment.text))
    new = []
    for _ in range(count):
        batch = collate([(0, row)], [frames], T, 0)
        inputs = narrator.embed(
            batch.ids, narrator.visual_tokens(batch.frames, batch.weights, batch.clip_positions), batch.visual_index
        )
        token = int(narrator.causal_lm(inputs_embeds=inputs, use_cache=False).logits[0, -1].argmax())
        if token in builder.tokens.stops:
            break
        new.append(token)
        row.ids.append(token)
    return " ".join(builder.tokens.decode(new).split())


def test_cached_greedy_equals_re_encoding_for_every_clip(make, frames):
    assembly = make()
    assembly.narrator.eval()
    written = StoryWriter(assembly.narrator, assembly.builder, SHORT).write(STORY, frames, SECONDS)
    assert [w.clip for w in written] == [0, 2, 3]
    for i, each in enumerate(written):
        earlier = [(w.clip, w.written) for w in written[:i]]
        again = greedy_again(assembly, STORY, frames, each.clip, earlier, each.written.labels, 12)
        assert again == each.written.narration
        assert each.written.labels  # constrained: always of the 12
        assert each.given is None


def test_given_labels_are_followed_and_references_never_read(make, frames):
    """Other references in the story change nothing but the range; the given labels stand in the output."""
    assembly = make()
    assembly.narrator.eval()
    writer = StoryWriter(assembly.narrator, assembly.builder, SHORT)
    other = Story(
        **{f: getattr(STORY, f) for f in ("id", "title", "language", "domain", "knowledge")},
        clips=tuple(
            Clip(c.start, c.end, c.labels, c.narration and "Something else entirely here.") for c in STORY.clips
        ),
    )
    a = writer.write(STORY, frames, SECONDS, "given")
    b = writer.write(other, frames, SECONDS, "given")
    assert [x.written for x in a] == [x.written for x in b]
    assert [x.given for x in a] == [STORY.clips[i].labels for i in (0, 2, 3)]


def test_a_missing_given_label_is_named(make, frames):
    bare = Story("kettle", "t", "en", "ad", (), (Clip(0, 3),))
    assembly = make()
    with pytest.raises(InputError, match=r"kettle: clips\[0\].labels: no script label to follow"):
        StoryWriter(assembly.narrator, assembly.builder, SHORT).write(bare, frames, SECONDS, "given")


def test_a_video_without_narrations_gets_one_for_every_clip(make, frames):
    raw = Story("raw", "t", "en", "ad", (), (Clip(0, 3), Clip(3, 7), Clip(7, 10)))
    assembly = make()
    assembly.narrator.eval()
    written = StoryWriter(assembly.narrator, assembly.builder, Decoding(max_new_tokens=4)).write(raw, frames, SECONDS)
    assert [w.clip for w in written] == [0, 1, 2]


def test_sampling_is_seeded_by_video_and_seed(make, frames):
    assembly = make()
    assembly.narrator.eval()

    def narrations(seed):
        decoding = Decoding(max_new_tokens=12, temperature=1.5, seed=seed)
        return [
            w.written.narration
            for w in StoryWriter(assembly.narrator, assembly.builder, decoding).write(STORY, frames, SECONDS)
        ]

    assert narrations(0) == narrations(0)
    assert narrations(0) != narrations(1)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_path_of_the_trie_is_a_label_and_every_label_has_a_path(make, language):
    tokens = make().builder.tokens
    trie = LabelTrie(tokens, language)
    random = np.random.default_rng(0)
    for _ in range(200):
        path = []
        while allowed := trie.allowed(path):
            path.append(int(random.choice(allowed)))
        assert path[-1] == tokens.newline
        assert 1 <= len(parse_labels(tokens.decode(path[:-1]))) <= 3
    for label in ScriptLabel:
        ids = tokens.encode(format_labels((label,), language))
        for n, token in enumerate(ids):
            assert token in trie.allowed(ids[:n])


def test_the_repetition_penalty_of_transformers_is_applied_to_narrations(make, frames):
    assembly = make()
    assembly.narrator.eval()
    plain = StoryWriter(assembly.narrator, assembly.builder, Decoding(max_new_tokens=30)).write(STORY, frames, SECONDS)
    strict = StoryWriter(
        assembly.narrator, assembly.builder, Decoding(max_new_tokens=30, repetition_penalty=50.0)
    ).write(STORY, frames, SECONDS)

    assert strict[0].written.labels == plain[0].written.labels  # labels are not penalised
    assert strict[0].written.narration != plain[0].written.narration


@pytest.mark.parametrize("storyline", ["predicted", "given"])
@pytest.mark.parametrize(
    "decoding",
    [SHORT, Decoding(max_new_tokens=12, temperature=1.2, seed=3), Decoding(max_new_tokens=9, repetition_penalty=1.3)],
    ids=["greedy", "sampled", "penalised"],
)
def test_side_by_side_is_one_by_one(make, frames, storyline, decoding):
    """Stories of other lengths, clip counts and frames beside it change nothing in a story."""
    assembly = make()
    assembly.narrator.eval()
    short = Story("short", "A much longer title than that of the kettle", "en", "ad", (), STORY.clips[:1])
    long = Story("long", "Lamp", "en", "ad", STORY.knowledge[:1], (*STORY.clips, Clip(10, 13, STORY.clips[0].labels)))
    seconds = np.arange(13, dtype=np.float32)
    video_inputs = [
        VideoInput(short, frames[:3], SECONDS[:3]),
        VideoInput(long, np.concatenate([frames, -frames[:3]]), seconds, range(2, 5)),
        VideoInput(STORY, frames, SECONDS),
    ]
    writer = StoryWriter(assembly.narrator, assembly.builder, decoding)
    together = writer.write_all(video_inputs, storyline)
    assert [len(written) for written in together] == [1, 3, 3]
    assert together == [writer.write_all([each], storyline)[0] for each in video_inputs]
