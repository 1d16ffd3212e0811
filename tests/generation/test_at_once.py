"""How many stories are written at once, by the memory that is free."""

import logging

import pytest
import torch
from toy_narrator import SECONDS, STORY

from vn.errors import InputError
from vn.generation.at_once import MOST, resolve, video_bytes
from vn.generation.decoding import Decoding
from vn.generation.draft import VideoInput
from vn.generation.pool import Pool
from vn.generation.story_writer import StoryWriter
from vn.train.settings import DataSettings

GB = 10**9


def test_a_number_is_taken_and_the_cpu_has_its_own(make):
    assembly = make()
    writer = StoryWriter(assembly.narrator, assembly.builder)
    assert writer.pool(3).rows == 3
    assert writer.pool("auto").rows == 16
    assert writer.pool("auto", usual=4).rows == 4


def test_as_many_as_the_free_memory_has_room_for(make, caplog):
    caplog.set_level(logging.INFO, "vn")
    narrator = make().narrator
    each = video_bytes(narrator, 4096)
    # 2 layers of 2 heads of 8 numbers in fp32, keys and values, and a quarter more.
    assert each == 2 * 2 * 2 * 8 * 4 * 4096 * 5 // 4
    rooms = [(0, 1), (int(1.3 * each), 1), (10 * each, 8), (1000 * each, MOST)]
    for free, expected in rooms:
        assert resolve("auto", narrator, 4096, 16, lambda _, free=free: free) == expected
    assert [message.split(":")[0] for message in caplog.messages] == [
        *["narrating 1 video at once"] * 2,
        "narrating 8 videos at once",
        "narrating 64 videos at once",
    ]
    assert resolve(5, narrator, 4096, 16, lambda _: 0) == 5


def test_the_sizes_of_a_message(make, caplog, monkeypatch):
    caplog.set_level(logging.INFO, "vn")
    monkeypatch.setattr("vn.generation.at_once.video_bytes", lambda *_: 1_140_000_000)
    assert resolve("auto", make().narrator, 2048, 16, lambda _: 61 * GB) == 42
    assert caplog.messages == ["narrating 42 videos at once: 61 GB free, 1.1 GB per video"]


@pytest.mark.parametrize("number", [0, -1])
def test_none_at_once_is_refused(number):
    with pytest.raises(InputError, match=r"data\.videos_at_once: expected at least 1"):
        DataSettings("data", videos_at_once=number)


DECODINGS = {
    "greedy": Decoding(max_new_tokens=8),
    "sampled": Decoding(max_new_tokens=8, temperature=1.2, seed=3),
    "no repeats": Decoding(max_new_tokens=8, no_repeat_ngram=2),
    "beams": Decoding(max_new_tokens=6, beams=2),
}


@pytest.mark.parametrize("static", [False, True])
@pytest.mark.parametrize("decoding", DECODINGS.values(), ids=DECODINGS)
def test_out_of_memory_halves_the_stories_and_changes_none(make, frames, decoding, static, caplog, monkeypatch):
    """Whenever it happens, also while a story begins; each clip is reported once, and written as otherwise."""
    assembly = make()
    assembly.narrator.eval()
    writer = StoryWriter(assembly.narrator, assembly.builder, decoding, static)
    videos = [VideoInput(STORY, frames * (1 - n / 8), SECONDS) for n in range(6)]
    expected = writer.write_all(videos, at_once=2)
    pool, done, followed = writer.pool(5), {}, []
    calls = [0]
    compute = Pool._pass

    def tight(self):
        calls[0] += 1
        if calls[0] in (9, 40):
            self.decoder.answer([(each.slot, each.request) for each in self._going][:1])  # half a pass
            raise torch.OutOfMemoryError("CUDA out of memory")
        compute(self)

    monkeypatch.setattr(Pool, "_pass", tight)
    for n, video in enumerate(videos):
        pool.add(
            writer.story(video, follow=lambda clip, n=n: followed.append((n, clip.clip))),
            lambda written, n=n: done.__setitem__(n, written),
        )
    pool.finish()
    assert calls[0] > 40
    assert [done[n] for n in range(6)] == expected
    assert sorted(followed) == [(n, clip) for n in range(6) for clip in STORY.narrated]
    assert pool.rows == 1
    assert caplog.messages == [
        "out of memory with 5 videos at once: going on with 2",
        "out of memory with 2 videos at once: going on with 1",
    ]
    assert pool.decoder.cache.slots == 1


def test_a_single_story_that_takes_too_much_memory_is_an_error(make, frames, monkeypatch):
    assembly = make()
    writer = StoryWriter(assembly.narrator.eval(), assembly.builder)

    def never(self):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Pool, "_pass", never)
    with pytest.raises(torch.OutOfMemoryError):
        writer.write(STORY, frames, SECONDS)
