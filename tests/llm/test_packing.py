from dataclasses import replace

import numpy as np
import pytest
import torch
from toy_narrator import SECONDS, STORY, D, T

from vn.errors import InputError
from vn.llm.packing import collate, share
from vn.prompt import PromptWriter
from vn.story import Knowledge
from vn.visual.plan import VisualSettings


def row_of(assembly, frames, clip):
    builder = assembly.builder
    return builder.training_row(STORY, builder.plan(STORY, frames, SECONDS, clip), clip)


def test_supervised_are_label_narration_and_their_newlines_and_nothing_else(make, frames):
    assembly = make()
    row = row_of(assembly, frames, 2)
    text = assembly.builder.tokens.tokenizer.decode([row.ids[i] for i in row.supervised])
    assert text == "Design of Appearance+Product Effect\nThis red kettle boils in a minute.\n"
    assert len(row.supervised) == assembly.builder.supervised_tokens(STORY, 2)


def test_visual_places_lie_between_the_texts_around_the_scene(make, frames):
    assembly = make()
    row = row_of(assembly, frames, 2)
    visual = len(row.plan.weights) * T
    decode = assembly.builder.tokens.tokenizer.decode
    assert decode(row.ids[: row.visual]).endswith("Clip 3/4\nScene: ")
    assert decode(row.ids[row.visual + visual :]).startswith("\nWords: ")


def test_without_a_storyline_only_the_narration_is_supervised(make, frames):
    assembly = make(storyline=False)
    row = row_of(assembly, frames, 3)
    text = assembly.builder.tokens.tokenizer.decode([row.ids[i] for i in row.supervised])
    assert text == "Get yours, two for one.\n"
    assert "label" not in assembly.builder.tokens.tokenizer.decode(row.ids)


def test_the_loss_is_the_sum_over_rows_however_they_are_batched(make, frames):
    """One padded batch = each row alone; and a longer neighbour changes nothing."""
    assembly = make()
    narrator, builder = assembly.narrator.eval(), assembly.builder
    rows = [(0, row_of(assembly, frames, clip)) for clip in STORY.narrated]
    together = collate(rows, [frames], T, builder.tokens.pad)
    with torch.no_grad():
        total = narrator(together)
        alone = sum(narrator(collate([row], [frames], T, builder.tokens.pad)) for row in rows)
    torch.testing.assert_close(total, alone, rtol=1e-5, atol=1e-4)
    assert together.step_targets == len(together.targets) == sum(len(r.supervised) for _, r in rows)


def test_the_loss_equals_transformers_own_on_one_row(make, frames):
    """Oracle: the causal model's own loss over the same embeddings, with labels at supervised places."""
    assembly = make()
    narrator, builder = assembly.narrator.eval(), assembly.builder
    row = row_of(assembly, frames, 2)
    batch = collate([(0, row)], [frames], T, builder.tokens.pad)
    labels = torch.full_like(batch.ids, -100)
    labels.view(-1)[batch.target_index] = batch.targets
    with torch.no_grad():
        inputs = narrator.embed(
            batch.ids, narrator.visual_tokens(batch.frames, batch.weights, batch.clip_positions), batch.visual_index
        )
        own = narrator.llm(inputs_embeds=inputs, attention_mask=batch.mask, labels=labels).loss
        torch.testing.assert_close(narrator(batch) / len(batch.targets), own, rtol=1e-5, atol=1e-5)


def test_two_videos_in_a_batch_see_their_own_frames(make, frames):
    assembly = make()
    other = (frames[::-1] * 3).astype(np.float16)
    rows = [(0, row_of(assembly, frames, 2)), (1, row_of(assembly, other, 2))]
    batch = collate(rows, [frames, other], T, assembly.builder.tokens.pad)
    with torch.no_grad():
        both = assembly.narrator.visual_tokens(batch.frames, batch.weights, batch.clip_positions)
        each = []
        for (_, row), video in zip(rows, [frames, other], strict=True):
            b = collate([(0, row)], [video], T, 0)
            each.append(assembly.narrator.visual_tokens(b.frames, b.weights, b.clip_positions))
    torch.testing.assert_close(both, torch.cat(each))


def test_an_empty_micro_batch_has_zero_loss_and_reaches_every_parameter(make):
    assembly = make()
    builder = assembly.builder
    blank = np.zeros((1, T, D), dtype=np.float16)
    batch = collate([(0, builder.empty_row())], [blank], T, builder.tokens.pad, 7, 0.0)
    loss = assembly.narrator(batch)
    loss.backward()
    assert loss.item() == 0
    for name, p in assembly.narrator.named_parameters():
        if p.requires_grad:
            assert p.grad is not None, name
            assert not p.grad.any(), name


def test_visual_tokens_are_standardised_positioned_and_projected(make, frames):
    assembly = make()
    n = assembly.narrator
    row = row_of(assembly, frames, 0)
    batch = collate([(0, row)], [frames], T, 0)
    kept = [int(w.argmax()) for w in row.plan.weights]
    expected = (torch.tensor(frames[kept]).float() - 0.5) / 2.0 + n.position.table.weight[0]
    torch.testing.assert_close(
        n.visual_tokens(batch.frames, batch.weights, batch.clip_positions),
        n.projector(expected).flatten(0, 1),
        rtol=1e-4,
        atol=1e-4,
    )


def lengths(assembly, frames, clip=3, **limit):
    builder = assembly.builder
    full = len(row_of(assembly, frames, clip).ids)
    builder.max_length = full - limit["less"]
    return full, row_of(assembly, frames, clip)


def test_an_over_long_prompt_drops_points_then_the_oldest_texts_never_supervised_tokens(make, frames):
    assembly = make()
    before = row_of(assembly, frames, 3)
    _, row = lengths(assembly, frames, less=1)
    assert (row.cut.points, row.cut.clips, row.cut.frames) == (1, 0, 0)
    _, row = lengths(make(), frames, less=60)
    assert row.cut.points == 3
    assert row.cut.clips >= 1
    assert [row.ids[i] for i in row.supervised] == [before.ids[i] for i in before.supervised]
    assert row.plan.weights.shape == before.plan.weights.shape


def test_with_memory_off_the_oldest_frames_go_first(make, frames):
    assembly = make(visual=VisualSettings(memory="all"))
    before = row_of(assembly, frames, 3)
    _, row = lengths(assembly, frames, less=3)
    assert (row.cut.points, row.cut.clips, row.cut.frames) == (0, 0, 2)
    np.testing.assert_array_equal(row.plan.weights, before.plan.weights[2:])


def test_a_prompt_that_cannot_fit_names_video_and_clip(make, frames):
    assembly = make()
    assembly.builder.max_length = 50
    with pytest.raises(InputError, match=r"kettle: clip 2 alone takes \d+ tokens, more than max_length 50"):
        row_of(assembly, frames, 2)


@pytest.mark.parametrize("memory", ["consolidated", "all", "none"])
@pytest.mark.parametrize("chosen", [(0, 2, 3), (2, 3), (0, 3)])
def test_rows_that_share_their_beginning_have_the_losses_and_gradients_of_rows_apart(make, frames, memory, chosen):
    """Tree = clip, for any subset of a video's clips, beside another video in the batch."""
    assembly = make(visual=VisualSettings(memory=memory))
    narrator, builder = assembly.narrator.eval(), assembly.builder
    other = (frames[::-1] * 3).astype(np.float16)
    rows = [(0, row_of(assembly, frames, clip)) for clip in chosen] + [(1, row_of(assembly, other, 2))]
    losses, gradients = [], []
    for lines in (rows, share(rows)):
        batch = collate(lines, [frames, other], T, builder.tokens.pad)
        narrator.zero_grad()
        loss = narrator(batch)
        loss.backward()
        losses.append(loss.item())
        gradients.append({n: p.grad.clone() for n, p in narrator.named_parameters() if p.grad is not None})
    assert [len(tree.branches) for tree in share(rows).trees] == [len(chosen) - 1, 0]
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient, rtol=1e-4, atol=1e-5, msg=name)


def test_a_row_that_was_cut_stands_alone(make, frames):
    assembly = make()
    rows = [(0, row_of(assembly, frames, clip)) for clip in STORY.narrated]
    assembly.builder.max_length = len(rows[-1][1].ids) - 1
    rows[-1] = (0, row_of(assembly, frames, 3))
    assert rows[-1][1].cut
    assert sorted(len(tree.branches) for tree in share(rows).trees) == [0, 1]


def test_a_text_only_row_holds_no_visual_token_and_still_passes_through_every_module(make, frames):
    assembly = make(visual=VisualSettings(scene=False, memory="none"))
    row = row_of(assembly, frames, 2)
    assert row.plan.weights.shape == (0, 10)
    decode = assembly.builder.tokens.tokenizer.decode
    assert decode(row.ids[: row.visual]).endswith("Scene: ")
    assert decode(row.ids[row.visual :]).startswith("\nWords: ")
    assembly.narrator(collate([(0, row)], [frames], T, assembly.builder.tokens.pad)).backward()
    trained = {name: p for name, p in assembly.narrator.named_parameters() if p.requires_grad}
    assert all(p.grad is not None for p in trained.values())
    assert not trained["projector.linear.weight"].grad.any()


def many_points(count):
    points = tuple(f"point number {n}" for n in range(count))
    return replace(STORY, knowledge=(Knowledge("A", points[: count // 2]), Knowledge("B", points[count // 2 :])))


def test_dropping_as_few_of_many_points_as_can_be(make, frames):
    """Exactly as dropping them one by one would: one less does not fit."""
    assembly = make()
    builder = assembly.builder
    story = many_points(90)
    plan = builder.plan(story, frames, SECONDS, 3)
    for limit in (700, 900, 1100):
        builder.max_length = limit
        row = builder.prompt(story, plan, 3, [], 20)
        writer = PromptWriter(story, builder.template)

        def length(dropped, writer=writer):
            texts = [s.text for s in writer.head(dropped)]
            return sum(len(builder.tokens.encode(text)) for text in texts)

        own = len(row.ids) - length(row.cut.points)
        assert 0 < row.cut.points < 90
        assert length(row.cut.points) + own + 20 <= limit < length(row.cut.points - 1) + own + 20


def test_the_work_grows_with_the_points_and_not_with_their_square(make, frames, monkeypatch):
    assembly = make()
    builder = assembly.builder
    builder.max_length = 700
    tokenised = []
    raw = builder.tokens._raw
    monkeypatch.setattr(builder.tokens, "_raw", lambda text: tokenised.append(len(text)) or raw(text))
    work = []
    for count in (250, 1000):
        story = many_points(count)
        plan = builder.plan(story, frames, SECONDS, 3)
        tokenised.clear()
        row = builder.prompt(story, plan, 3, [], 20)
        assert row.cut.points > count / 2
        work.append(sum(tokenised))
    assert work[1] < 8 * work[0]  # one by one it is 16 times and more
