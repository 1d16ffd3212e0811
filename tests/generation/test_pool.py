"""Which stories a pass is for, and how their tokens are chosen."""

import pytest
import torch
from toy_narrator import SECONDS, STORY

from vn.generation.decoder import is_single
from vn.generation.decoding import Decoding
from vn.generation.draft import VideoInput
from vn.generation.likely import Likely, most_likely, most_likely_of_all
from vn.generation.pool import WAIT, Pool
from vn.generation.story_writer import StoryWriter
from vn.story import Fixed


def test_prompts_and_labels_wait_for_a_quarter_of_the_stories_if_passes_are_static(make, frames, monkeypatch):
    assembly = make()
    assembly.narrator.eval()
    # What is given puts the stories out of step.
    given = [
        {},
        {0: Fixed(narration="Cold tea.")},
        {0: Fixed(labels=STORY.clips[0].labels)},
        {2: Fixed(narration="Red.")},
    ]
    videos = [VideoInput(STORY, frames * (1 - n / 16), SECONDS, fixed=given[n % 4]) for n in range(7)]
    written, passes = [], {}
    ready = Pool._ready
    for static in (False, True):
        seen = passes.setdefault(static, [])

        def noted(self, seen=seen):
            found = ready(self)
            seen.append(([is_single(each.request) for each in found], len(self._going)))
            return found

        monkeypatch.setattr(Pool, "_ready", noted)
        writer = StoryWriter(assembly.narrator, assembly.builder, Decoding(max_new_tokens=8), static)
        written.append(writer.write_all(videos, at_once=6))
    assert written[0] == written[1]
    assert all(len(single) == going for single, going in passes[False])
    for single, going in passes[True]:
        longer = single.count(False)
        assert len(single) == going or not longer
        assert not longer or WAIT * longer >= going
    shares = [sum(all(single) for single, _ in passes[x]) / len(passes[x]) for x in (False, True)]
    assert shares[1] > shares[0]


@pytest.mark.parametrize("many", [2, 3, 40])
def test_of_equal_logits_the_first_token_is_taken_alone_and_together(many):
    random = torch.randn(many, 1000, generator=torch.Generator().manual_seed(0))
    logits = random.clamp(max=1.0).bfloat16().float()  # about 160 tokens share the largest
    asked = [Likely(row, 1) for row in logits]
    for each, (_, tokens) in zip(asked, most_likely_of_all(asked), strict=True):
        assert int(tokens) == int(most_likely(each)[1]) == int((each.logits == each.logits.max()).nonzero()[0])


def test_the_most_likely_tokens_of_all_are_those_of_each():
    logits = torch.randn(5, 300, generator=torch.Generator().manual_seed(0))
    asked = [Likely(row, count) for row, count in zip(logits, (1, 50, 7, 300, 1), strict=True)]
    for each, (values, tokens) in zip(asked, most_likely_of_all(asked), strict=True):
        alone = most_likely(each)
        assert torch.equal(tokens, alone[1])
        assert torch.equal(values, each.logits[tokens])
        assert (values.dtype, tokens.dtype) == (torch.float32, torch.int64)
