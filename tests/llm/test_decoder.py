"""What stays in the cache from clip to clip, and what is forgotten when a story outgrows the context."""

import pytest
import torch
from test_generate import greedy_again
from toy_narrator import SECONDS, STORY, T

from vn.llm import generate
from vn.llm.decoder import Decoder
from vn.llm.generate import Decoding, Footage, StoryWriter
from vn.story import Clip, Story

SHORT = Decoding(max_new_tokens=12)
MANY = Story("many", "Lamp", "en", "ad", STORY.knowledge, tuple(Clip(i, i + 1) for i in range(10)))


@pytest.fixture
def decoders(monkeypatch):
    """The decoders that are made."""
    made = []

    class Seen(Decoder):
        def __init__(self, *args):
            super().__init__(*args)
            made.append(self)

    monkeypatch.setattr(generate, "Decoder", Seen)
    return made


def writer_of(assembly, decoding=SHORT):
    assembly.narrator.eval()
    return StoryWriter(assembly.narrator, assembly.packer, decoding)


def test_what_clips_share_is_read_once_a_video(make, frames, decoders):
    few = Story("few", "Kettle", "en", "ad", (), STORY.clips[:3])
    writer_of(make()).write_all([Footage(MANY, frames, SECONDS), Footage(few, frames, SECONDS, range(3))])
    (decoder,) = decoders
    assert decoder.trunks_read == 2


def test_a_story_that_outgrows_the_context_forgets_the_older_half_and_says_so(make, frames, decoders):
    """Seldom, and each clip is still what re-encoding its own prompt gives; the knowledge stays."""
    whole = make()
    plan = whole.packer.plan(MANY, frames, SECONDS, 0)
    assembly = make(max_length=len(whole.packer.prompt(MANY, plan, 0, [], 0).ids) + 450)
    written = writer_of(assembly).write(MANY, frames, SECONDS)
    forgotten = [each.forgotten for each in written]
    assert forgotten[0] == 0 < forgotten[-1] < 9
    assert forgotten == sorted(forgotten)
    assert decoders[0].trunks_read == len(set(forgotten)) < 7  # once, and again each time it forgot
    for n, each in enumerate(written):
        earlier = [(w.clip, w.written) for w in written[each.forgotten : n]]
        assert (
            greedy_again(assembly, MANY, frames, each.clip, earlier, each.written.labels, 12) == each.written.narration
        )


def test_a_fork_goes_on_alone(make, frames):
    assembly = make()
    packer = assembly.packer
    assembly.narrator.eval()
    rows = [packer.prompt(MANY, packer.plan(MANY, frames, SECONDS, n), n, [], 0) for n in (0, 3)]
    with torch.inference_mode():
        decoder = Decoder(assembly.narrator, T, packer.tokens.pad)
        decoder.open(rows, [frames, frames])
        before = decoder.logits.clone()
        fork = decoder.fork([1, 1, 0])
        fork.read([[5], [6, 7], []])
        fork.select([0])
        decoder.read([[9], [5]])
        torch.testing.assert_close(fork.logits[0], decoder.logits[1], rtol=1e-4, atol=1e-4)
        assert not torch.allclose(before[1], fork.logits[0])
        assert fork.ids[0] == decoder.ids[1] == [*rows[1].ids, 5]
