"""What stays in the cache from clip to clip, and what is forgotten when a story outgrows the context."""

import torch
from test_story_writer import greedy_again
from toy_narrator import SECONDS, STORY

from vn.generation.decoder import Decoder, Read, Slot, Try, visual_tokens
from vn.generation.decoding import Decoding
from vn.generation.draft import VideoInput
from vn.generation.story_writer import StoryWriter
from vn.llm.llama import is_plain
from vn.story import Clip, Story

SHORT = Decoding(max_new_tokens=12)
MANY = Story("many", "Lamp", "en", "ad", STORY.knowledge, tuple(Clip(i, i + 1) for i in range(10)))


def writer_of(assembly, decoding=SHORT):
    assembly.narrator.eval()
    return StoryWriter(assembly.narrator, assembly.builder, decoding)


def test_what_clips_share_is_read_once_a_video(make, frames):
    few = Story("few", "Kettle", "en", "ad", (), STORY.clips[:3])
    writer = writer_of(make())
    writer.write_all([VideoInput(MANY, frames, SECONDS), VideoInput(few, frames, SECONDS, range(3))])
    assert writer.trunks_read == 2


def test_a_story_that_outgrows_the_context_forgets_the_older_half_and_says_so(make, frames):
    """Seldom, and each clip is still what re-encoding its own prompt gives; the knowledge stays."""
    whole = make()
    plan = whole.builder.plan(MANY, frames, SECONDS, 0)
    assembly = make(max_length=len(whole.builder.prompt(MANY, plan, 0, [], 0).ids) + 450)
    writer = writer_of(assembly)
    written = writer.write(MANY, frames, SECONDS)
    forgotten = [each.forgotten for each in written]
    assert forgotten[0] == 0 < forgotten[-1] < 9
    assert forgotten == sorted(forgotten)
    assert writer.trunks_read == len(set(forgotten)) < 7  # once, and again each time it forgot
    for n, each in enumerate(written):
        earlier = [(w.clip, w.written) for w in written[each.forgotten : n]]
        assert (
            greedy_again(assembly, MANY, frames, each.clip, earlier, each.written.labels, 12) == each.written.narration
        )


def re_encoded(assembly, row, frames, ids):
    """Logits behind a row and ids, without any cache."""
    narrator = assembly.narrator
    visual = visual_tokens(narrator, row, frames)
    inputs = narrator.causal_lm.get_input_embeddings()(torch.tensor([[*row.ids, *ids]]))
    inputs[0, row.visual : row.visual + len(visual)] = visual
    return narrator.causal_lm(inputs_embeds=inputs, use_cache=False).logits[0, -1]


def test_ways_on_are_tried_side_by_side_and_forgotten(make, frames):
    """Two slots, one that reads a token while the other tries a tree of them: each as if re-encoded, then and later."""
    assembly = make()
    builder = assembly.builder
    assembly.narrator.eval()
    rows = [builder.prompt(MANY, builder.plan(MANY, frames, SECONDS, n), n, [], 0) for n in (0, 3)]
    with torch.inference_mode():
        decoder = Decoder(assembly.narrator)
        slots = [Slot(0), Slot(1)]
        see = [visual_tokens(assembly.narrator, row, frames) for row in rows]
        decoder.answer([(s, Read(r.ids, v, r.visual)) for s, r, v in zip(slots, rows, see, strict=True)])
        one, tree = decoder.answer([(slots[0], Read([9])), (slots[1], Try([5, 6, 7], [[0], [1], [0, 2]]))])
        more = decoder.answer([(slots[1], Try([8, 9], [[1, 3], [0, 2, 4]]))])[0]
        last = decoder.answer([(slots[1], Read([4, 4])), (slots[0], Read([3]))])
        for logits, row, ids in (
            (one[0], 0, [9]),
            (tree[0], 1, [5]),
            (tree[1], 1, [6]),
            (tree[2], 1, [5, 7]),
            (more[0], 1, [6, 8]),
            (more[1], 1, [5, 7, 9]),
            (last[0][0], 1, [4, 4]),
            (last[1][0], 0, [9, 3]),
        ):
            torch.testing.assert_close(logits, re_encoded(assembly, rows[row], frames, ids), rtol=1e-4, atol=1e-4)
        # A single token is tried past others, beside one that is read; then ways ahead of one, and one that is kept.
        last = decoder.answer([(slots[0], Read([5])), (slots[1], Try([5, 6], [[0], [1]]))])
        past, beside = decoder.answer([(slots[1], Try([7], [[1, 2]])), (slots[0], Read([6]))])
        (ahead,) = decoder.answer([(slots[1], Read([3], ahead=Try([2, 9])))])
        slots[1].take([2, 9])
        (then,) = decoder.answer([(slots[1], Read([8]))])
        for logits, row, ids in (
            (past[0], 1, [4, 4, 6, 7]),
            (beside[0], 0, [9, 3, 5, 6]),
            (ahead[0], 1, [4, 4, 3]),
            (ahead[1], 1, [4, 4, 3, 2]),
            (ahead[2], 1, [4, 4, 3, 2, 9]),
            (then[0], 1, [4, 4, 3, 2, 9, 8]),
        ):
            torch.testing.assert_close(logits, re_encoded(assembly, rows[row], frames, ids), rtol=1e-4, atol=1e-4)
    assert [slot.ids[-2:] for slot in slots] == [[5, 6], [9, 8]]
    assert decoder.passes == 8


def test_the_layers_without_their_frame_are_transformers_own(make, frames):
    """Bit for bit, in fp32; and a hook on any part has transformers asked."""
    assembly = make()
    assembly.narrator.eval()
    row = assembly.builder.prompt(MANY, assembly.builder.plan(MANY, frames, SECONDS, 0), 0, [], 0)

    def logits():
        decoder, slot = Decoder(assembly.narrator), Slot(0)
        first = decoder.answer([(slot, Read(row.ids))])
        return torch.cat([*first, *decoder.answer([(slot, Read([7]))])])

    with torch.inference_mode():
        assert is_plain(assembly.narrator.causal_lm.get_decoder())
        ours = logits()
        heard = []
        handle = (
            assembly.narrator.causal_lm.get_decoder()
            .layers[0]
            .register_forward_hook(lambda *_: heard.append(1) and None)
        )
        assert torch.equal(logits(), ours)
        assert len(heard) == 2
        handle.remove()
