"""A narrator that is shown the whole video once: its clips share the visual tokens, and nothing else changes."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from test_training_step import assert_same as assert_same_step
from test_training_step import step_of
from test_writing import DECODINGS, Recorder, ReEncodingWriter, assert_same, stories
from toy_narrator import SECONDS, STORY

from vn.adapter import save_adapter
from vn.cli import main
from vn.data.order import Video, deal
from vn.errors import InputError
from vn.generation.decoding import Decoding
from vn.generation.draft import VideoInput
from vn.generation.story_writer import StoryWriter
from vn.llm.packing import collate, share
from vn.llm.tokens import SegmentTokenizer
from vn.story import Clip, Story
from vn.visual.plan import VisualSettings

FRAMES = 7
WHOLE = VisualSettings(compression=False, memory="none", position=False, scope="video", frames=FRAMES)
TURNS = {"user": (192, 193), "assistant": (194,)}  # ordinary ids in place of special ones


@pytest.fixture(params=[(False, False), (True, False), (True, True)], ids=["T tokens", "pooled", "pooled, turns by id"])
def whole(request, make):
    """Assemble such a narrator, with changes to its card."""
    pool, turns = request.param

    def build(**changes):
        assembly = make(template="vtimellm-en", visual=replace(WHOLE, pool=pool), **changes)
        if turns:
            assembly.builder.tokens = SegmentTokenizer(assembly.base.tokenizer, turns=TURNS)
        return assembly

    return build


def rows_of(builder, videos, story=STORY):
    return [
        (n, builder.training_row(story, builder.plan(story, video, SECONDS, clip), clip))
        for n, video in enumerate(videos)
        for clip in story.narrated
    ]


def batch_of(builder, rows, videos, targets=None):
    return collate(rows, videos, builder.frame_tokens, builder.tokens.pad, targets)


@pytest.fixture
def videos(frames):
    return [frames, (frames[::-1] * 3).astype(np.float16)]


def test_packed_is_separate_and_has_each_videos_tokens_once(whole, videos):
    assembly = whole()
    narrator, builder = assembly.narrator.train(), assembly.builder
    rows = rows_of(builder, videos)
    separate, packed = batch_of(builder, rows, videos), batch_of(builder, share(rows), videos)
    assert len(separate.weights) == FRAMES * len(rows)
    assert len(packed.weights) == FRAMES * len(videos)
    assert len(packed.visual_index) == FRAMES * len(videos) * builder.frame_tokens
    assert [len(tree.branches) for tree in packed.trees] == [2, 2]
    assert_same_step(step_of(narrator, separate), step_of(narrator, packed))


def test_each_clip_sees_the_frames(whole, videos):
    """A frame of the video changes the loss of its every clip, and of no other video's."""
    assembly = whole()
    narrator, builder = assembly.narrator.eval(), assembly.builder
    changed = videos[0].copy()
    changed[-1] += 3
    for video, story in ((0, STORY), (1, STORY)):
        for n in range(len(STORY.narrated)):
            losses = []
            for first in (videos[0], changed):
                both = [first, videos[1]]
                rows = rows_of(builder, both, story)
                batch = batch_of(builder, share([rows[len(STORY.narrated) * video + n]]), both)
                with torch.no_grad():
                    losses.append(narrator(batch).item())
            assert (losses[0] == losses[1]) == (video == 1)


@pytest.mark.parametrize("parts", [2, 3, 8])
def test_dealt_into_micro_batches_is_one(whole, videos, parts):
    assembly = whole()
    narrator, builder = assembly.narrator.train(), assembly.builder
    rows = rows_of(builder, videos)
    whole_step = step_of(narrator, batch_of(builder, share(rows), videos))
    targets = sum(len(row.supervised) for _, row in rows)
    total, gradients = torch.zeros(()), {name: torch.zeros_like(g) for name, g in whole_step[1].items()}
    for part in deal([Video(0, 3, branch=50, trunk=90) for _ in videos], range(len(videos)), parts):
        chosen = [(u.video, rows[3 * u.video + clip][1]) for u in part for clip in u.clips]
        if chosen:
            loss, found = step_of(narrator, batch_of(builder, share(chosen), videos, targets))
            total += loss
            for name, gradient in found.items():
                gradients[name] += gradient
    assert_same_step(whole_step, (total, gradients))


def test_rows_that_see_other_frames_share_nothing(whole, videos):
    """As no builder makes them; sharing must not depend on that."""
    assembly = whole()
    rows = rows_of(assembly.builder, videos[:1])
    other = replace(rows[0][1], plan=replace(rows[0][1].plan, weights=rows[0][1].plan.weights[::-1]))
    assert [len(tree.branches) for tree in share([(0, other), *rows[1:]]).trees] == [1, 0]


@pytest.mark.parametrize("name", ["greedy", "penalised", "beams", "exact", "sampled"])
def test_with_the_cache_is_as_re_encoded(whole, frames, name):
    assembly = whole()
    assembly.narrator.eval()
    chosen = stories(frames)[1:3] if name == "greedy" else stories(frames)[1:2]
    cached, again = (
        kind(assembly.narrator, assembly.builder, DECODINGS[name]) for kind in (Recorder, ReEncodingWriter)
    )
    one, two = cached.tell(chosen), again.tell(chosen)
    ties = assert_same(cached.chosen, again.chosen)
    assert ties <= 1
    assert ties or one == two


def test_side_by_side_and_static_passes_write_the_same(whole, frames):
    assembly = whole()
    assembly.narrator.eval()
    plain, static = (
        Recorder(assembly.narrator, assembly.builder, DECODINGS["greedy"], static=s) for s in (False, True)
    )
    alone = [plain.tell([each])[0] for each in stories(frames)]
    for writer in (plain, static):
        assert writer.tell(stories(frames), 4) == alone


def test_the_frames_are_read_once_and_again_when_texts_are_forgotten(whole, frames):
    """However long the story: they are never dropped, and no prompt is longer than allowed."""
    clips = tuple(Clip(i / 6, (i + 1) / 6) for i in range(30))
    story = Story("many", "Lamp", "en", "ad", STORY.knowledge, clips)
    builder = whole().builder
    head = len(builder.prompt(story, builder.plan(story, frames, SECONDS, 0), 0, [], 0).ids)
    assembly = whole(max_length=head + 500)
    narrator = assembly.narrator.eval()
    seen = []
    tokens = narrator.visual_tokens
    narrator.visual_tokens = lambda *args: seen.append(len(args[1])) or tokens(*args)
    writer = StoryWriter(narrator, assembly.builder, Decoding(max_new_tokens=6))
    told = writer.write(story, frames, SECONDS)
    assert [each.clip for each in told] == list(range(30))
    assert told[-1].forgotten > 10
    assert seen == [FRAMES] * writer.trunks_read
    assert writer.trunks_read == len({each.forgotten for each in told}) < 15


def test_an_over_long_row_keeps_frames_and_what_is_supervised(whole, frames):
    assembly = whole()
    builder = assembly.builder
    before = rows_of(builder, [frames])[-1][1]
    builder.max_length = len(before.ids) - 60
    row = rows_of(builder, [frames])[-1][1]
    assert (row.cut.points, row.cut.frames) == (3, 0)
    assert row.cut.clips >= 1
    assert row.plan.weights.shape == before.plan.weights.shape == (FRAMES, 10)
    assert row.shares_scene
    assert [row.ids[i] for i in row.supervised] == [before.ids[i] for i in before.supervised]


def test_a_turn_that_is_open_is_not_opened_again(make, frames):
    """The instruction's turn goes on into the first query; every later clip has both of its own."""
    assembly = make(template="vtimellm-en", visual=WHOLE)
    builder, decode = assembly.builder, assembly.base.tokenizer.decode
    plain = rows_of(builder, [frames])[-1][1]
    text = decode(plain.ids)
    assert text.count("Query:\n") == text.count("Answer:\n") == 3
    builder.tokens = SegmentTokenizer(assembly.base.tokenizer, turns=TURNS)
    row = rows_of(builder, [frames])[-1][1]
    assert "Query" not in decode(row.ids)
    opened = [i for i in row.ids if i in (192, 194)]
    assert opened == [192, 194] * 3
    start = len(builder.tokens.start)
    assert row.ids[start : start + 2] == [192, 193]
    supervised = [row.ids[i] for i in row.supervised]
    assert supervised == [plain.ids[i] for i in plain.supervised]
    assert {192, 194} <= builder.tokens.stops


def test_times_are_per_cent_of_the_video(make, frames):
    """Gaps count; the end of the video is 99, since two digits end there."""
    assembly = make(template="vtimellm-en", visual=WHOLE)
    clips = (Clip(0, 3, narration="A."), Clip(4.5, 8.9, narration="B."), Clip(9, 10, narration="C."))
    story = Story("gaps", "Lamp", "en", "ad", (), tuple(replace(c, labels=STORY.clips[0].labels) for c in clips))
    text = assembly.base.tokenizer.decode(rows_of(assembly.builder, [frames], story)[-1][1].ids)
    assert [line for line in text.splitlines() if line.startswith("From")] == [
        "From 00 to 30",
        "From 45 to 89",
        "From 90 to 99",
    ]


def test_the_control_without_frames_has_no_visual_token(make, frames):
    assembly = make(template="vtimellm-en", visual=replace(WHOLE, scene=False))
    rows = rows_of(assembly.builder, [frames])
    batch = batch_of(assembly.builder, share(rows), [frames])
    assert batch.weights.shape == (0, 10)
    assert torch.isfinite(assembly.narrator(batch))
    StoryWriter(assembly.narrator.eval(), assembly.builder, Decoding(max_new_tokens=4)).write_all(
        [VideoInput(STORY, frames, SECONDS)]
    )


def test_settings_that_cannot_go_together_name_the_field():
    for field, value in (("compression", True), ("memory", "consolidated"), ("position", True)):
        with pytest.raises(InputError, match=f"visual.{field}"):
            replace(WHOLE, **{field: value})


def test_empty_micro_batches_pass_through_every_module(whole):
    assembly = whole()
    builder = assembly.builder
    blank = np.zeros((1, *builder.frame_shape), dtype=np.float16)
    loss = assembly.narrator(batch_of(builder, [(0, builder.empty_row())], [blank]))
    loss.backward()
    assert all(p.grad is not None for p in assembly.narrator.parameters() if p.requires_grad)


def test_an_exported_model_replays_its_prompts(whole, tmp_path, capsys):
    """The visual tokens are in the head of the replayed prompts, too, as many as the model sees."""
    save_adapter(tmp_path / "run" / "adapter", whole())
    (tmp_path / "run" / "stories.jsonl").write_text(json.dumps(STORY.to_dict()) + "\n", encoding="utf-8")
    assert main(["export", str(tmp_path / "run"), "--to", "merged", "--out", str(tmp_path / "out")]) == 0
    assert "largest difference of a logit" in capsys.readouterr().out
