"""The narrator's score of an order is its own loss on that order, in at most O(n^2) passes."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from toy_narrator import STORY

from vn.errors import InputError
from vn.metrics.ordering import kendall_tau
from vn.order.alone import in_order, with_texts
from vn.order.clips import clips_of, without_texts
from vn.order.label_order import LabelOrder
from vn.order.likelihood import Likelihood, LikelihoodSettings, _Job, some_orders
from vn.story import Fixed
from vn.visual.plan import VisualPlans

SECONDS = np.arange(10, dtype=np.float32)


@pytest.fixture
def clips(frames):
    return clips_of(STORY, frames, SECONDS)


def job_of(likelihood, clips):
    return _Job(clips, [likelihood.builder.means(each.features) for each in clips.frames])


def test_an_order_scores_as_the_loss_of_a_video_in_that_order(make, clips):
    assembly = make()
    likelihood = Likelihood(assembly)
    builder, order = assembly.builder, (2, 0, 1)
    found = [likelihood.score(job_of(likelihood, clips), [order[:n]])[0][order[n]] for n in range(3)]
    video = clips.shuffled(order)
    features = np.concatenate([each.features for each in video.frames])
    seconds = video.seconds((0, 1, 2))
    plans = VisualPlans(builder.means(features), seconds, video.story, builder.visual, builder.threshold)
    for n, scored in enumerate(found):
        row = builder.training_row(video.story, plans.plan(n), n)
        with torch.inference_mode():
            loss = _loss(assembly, row, features)
        assert scored.label + scored.narration == pytest.approx(-loss, abs=1e-3)


def _loss(assembly, row, features):
    """-log P of the supervised tokens of a row, by the plain model."""
    narrator = assembly.narrator
    weights = torch.from_numpy(row.plan.weights)
    visual = narrator.visual_tokens(
        torch.from_numpy(features).float(), weights, torch.full((len(weights),), row.clip_position)
    )
    inputs = narrator.causal_lm.get_input_embeddings()(torch.tensor([row.ids])).clone()
    inputs[0, row.visual : row.visual + len(visual)] = visual
    hidden = narrator.causal_lm.get_decoder()(
        inputs_embeds=inputs, attention_mask=torch.ones(1, len(row.ids), dtype=torch.long), use_cache=False
    ).last_hidden_state
    odds = narrator.causal_lm.get_output_embeddings()(hidden)[0].log_softmax(-1)
    return -sum(odds[at - 1, row.ids[at]].item() for at in row.supervised)


def test_beginnings_read_together_score_as_alone(make, clips):
    likelihood, alone = Likelihood(make()), Likelihood(make())
    beginnings = [(0,), (1,), (2,)]
    together = likelihood.score(job_of(likelihood, clips), beginnings)
    for order, found in zip(beginnings, together, strict=True):
        (expected,) = alone.score(job_of(alone, clips), [order])
        for clip, scored in found.items():
            assert scored.label == pytest.approx(expected[clip].label, abs=1e-4)
            assert scored.narration == pytest.approx(expected[clip].narration, abs=1e-4)


def test_passes_are_at_most_quadratic_in_the_clips(make, clips):
    likelihood = Likelihood(make(), LikelihoodSettings(orders=3))
    known = LabelOrder([clips.labels, clips.labels[::-1]])
    found = likelihood.order(clips, known)
    assert sorted(found.best) == [0, 1, 2]
    assert likelihood.decoder.passes <= len(clips) ** 2


def test_the_order_given_does_not_matter(make, clips):
    given = (1, 2, 0)
    known = LabelOrder([clips.labels])
    one = Likelihood(make()).order(clips, known)
    other = Likelihood(make()).order(clips.shuffled(given), known)
    for i in range(3):
        for k in range(3):
            assert other.votes[i, k] == pytest.approx(one.votes[given[i], given[k]], abs=1e-3)
    assert kendall_tau([given[i] for i in other.best]) == kendall_tau(one.best)


def test_texts_are_written_for_each_clip_alone(make, clips):
    assembly = make()
    bare = without_texts(clips)
    written = with_texts(bare, assembly)
    turned = with_texts(bare.shuffled((2, 1, 0)), assembly)
    assert all(clip.labels and clip.narration is not None for clip in written.story.clips)
    for clip, other in zip(written.story.clips, turned.story.clips[::-1], strict=True):
        assert (clip.labels, clip.narration) == (other.labels, other.narration)
    kept = with_texts(clips, assembly)
    assert [(c.labels, c.narration) for c in kept.story.clips] == [(c.labels, c.narration) for c in clips.story.clips]


def test_the_story_in_order_is_that_of_a_video_of_these_clips(make, clips):
    from vn.generation.draft import VideoInput
    from vn.generation.story_writer import StoryWriter

    assembly, order = make(), (2, 0, 1)
    labels = [None, clips.labels[1], None]
    story = in_order(with_texts(without_texts(clips), assembly), order, labels, assembly)
    assert [clip.duration for clip in story.clips] == [clips.story.clips[i].duration for i in order]
    assert story.clips[2].labels == labels[1]
    video = clips.shuffled(order)
    frames = np.concatenate([each.features for each in video.frames])
    fixed = {2: Fixed(labels[1], None)}
    bare = without_texts(video).story
    one = VideoInput(bare, frames, video.seconds((0, 1, 2)), fixed=fixed)
    (written,) = StoryWriter(assembly.narrator, assembly.builder, static=False).write_all([one])
    assert [clip.narration for clip in story.clips] == [each.written.narration for each in written]


def test_orders_that_are_read_have_every_clip_before_every_other(clips):
    orders = some_orders(clips, 4)
    assert [order[::-1] for order in orders[::2]] == orders[1::2]
    given = (1, 2, 0)
    assert [tuple(given[i] for i in order) for order in some_orders(clips.shuffled(given), 4)] == orders


def test_orders_that_are_read_do_not_depend_on_the_order_given_if_texts_are_alike(clips):
    """As the narrator may write them; labels may differ all the same."""
    alike = tuple(replace(clip, narration="Buy it.") for clip in clips.story.clips)
    same_labels = tuple(replace(clip, labels=clips.labels[0], start=0.0, end=2.0) for clip in alike)
    for texts in (alike, same_labels):
        own = replace(clips, story=replace(clips.story, clips=texts))
        orders = some_orders(own, 4)
        for given in ((1, 2, 0), (2, 1, 0), (0, 2, 1)):
            assert [tuple(given[i] for i in order) for order in some_orders(own.shuffled(given), 4)] == orders


def test_a_narrator_without_a_storyline_is_refused(make):
    with pytest.raises(InputError, match="without a storyline"):
        Likelihood(make(storyline=False))


def test_one_clip_has_no_order(frames):
    from dataclasses import replace

    with pytest.raises(InputError, match="kettle: has 1 clip, an order needs two"):
        clips_of(replace(STORY, clips=STORY.clips[:1]), frames, SECONDS)
