"""Stories written clip by clip: what each question has, retries, the cache, translation, a short context."""

import pytest
from clips_to_see import video

from vn.baselines.clip_by_clip import ClipByClip, Translation, less, words_in
from vn.baselines.clip_model import TooLong
from vn.baselines.clip_prompt import ClipTemplate
from vn.errors import InputError
from vn.io.disk_cache import DiskCache
from vn.story import WordRange, count_words


class Seen:
    def __init__(self, clip):
        self.clip = clip
        self.sha256 = str(clip.start)


class Model:
    """Answers from a list, and keeps its questions."""

    id = "scripted"
    settings = {"weights": "none"}  # noqa: RUF012

    def __init__(self, *answers, context=10**9):
        self.answers, self.context, self.asked = list(answers), context, []

    def plain(self, text):
        return text.replace("<", "< ")

    def watch(self, content, sample):
        self.sample = sample
        return Seen

    def write(self, seen, turns, most):
        if sum(map(len, turns)) > self.context:
            raise TooLong("does not fit")
        self.asked.append((seen.clip.start, list(turns), most))
        return self.answers.pop(0)


def words(count, word="tea"):
    return " ".join([word] * count)


def counts(writer):
    return {name: count for name, count in writer.report().items() if count}


def written_by(model, watched=None, storyline="predicted", **options):
    writer = ClipByClip(model, ClipTemplate.load("en", "ad"), options.pop("cache", DiskCache()), **options)
    return writer, writer.write(watched or video(), storyline)


def test_each_clip_is_asked_for_with_what_was_written_before_it():
    model = Model(words(30, "one"), words(8, "two"), words(12, "three"))
    writer, written = written_by(model)
    assert [each.clip for each in written] == [0, 1, 2]
    assert [start for start, _, _ in model.asked] == [0, 12, 15]
    (first,), (second,), (third,) = (turns for _, turns, _ in model.asked)
    assert "so far" not in first
    assert f"so far: {words(30, 'one')}\n" in second
    assert f"so far: {words(30, 'one')} {words(8, 'two')}\n" in third
    assert "in 25 to 35 words" in first
    assert all(each.written.labels is None and each.given is None and each.problem is None for each in written)
    assert counts(writer) == {"narrations": 3, "requests": 3}


def test_given_labels_are_followed_and_recorded():
    model = Model(*"abc")
    _, written = written_by(model, video(given=True), "given")
    for each, (_, (question,), _) in zip(written, model.asked, strict=True):
        assert each.given == each.written.labels
        assert each.given[0].en in question


def test_fixed_narrations_are_kept_and_are_part_of_the_next_question():
    model = Model("first", "third")
    _, written = written_by(model, video(narrations={1: "Fixed <b>"}))
    assert [each.written.narration for each in written] == ["first", "Fixed <b>", "third"]
    assert "so far: first Fixed < b>\n" in model.asked[1][1][0]


def test_a_narration_out_of_range_is_asked_for_again_in_the_same_dialogue():
    model = Model(words(3), words(40), words(30, "one"), words(8, "two"), words(12, "three"))
    writer, written = written_by(model, length_retries=2)
    question, first, retry = model.asked[1][1]
    assert (question, first) == (model.asked[0][1][0], words(3))
    assert "3 words" in retry
    assert "25 to 35 words" in retry
    assert len(model.asked[2][1]) == 5
    assert written[0].written.narration == words(30, "one")
    assert written[0].problem is None
    assert counts(writer) == {"length_retries": 2, "narrations": 3, "requests": 5}


def test_if_no_answer_is_in_range_the_nearest_is_kept_and_counted():
    model = Model(words(60), words(37, "near"), words(3), words(8), words(12))
    writer, written = written_by(model, length_retries=2)
    assert written[0].written.narration == words(37, "near")
    assert written[0].problem == "37 words instead of 25 to 35, asked 3 times"
    assert writer.report()["out_of_range"] == 1


def test_without_retries_a_length_is_counted_and_no_problem():
    writer, written = written_by(Model("", words(8), words(12)))
    assert written[0].problem is None
    assert (writer.report()["out_of_range"], writer.report()["empty"]) == (1, 1)


def test_what_was_answered_is_not_asked_again(tmp_path):
    answers = [words(30), words(8), words(12)]
    _, first = written_by(Model(*answers), cache=DiskCache(tmp_path / "asked.sqlite"))
    silent = Model()
    writer, again = written_by(silent, cache=DiskCache(tmp_path / "asked.sqlite"))
    assert again == first
    assert silent.asked == []
    assert counts(writer) == {"from_cache": 3, "narrations": 3}
    other = Model(*answers)
    other.settings = {"weights": "others"}
    written_by(other, cache=DiskCache(tmp_path / "asked.sqlite"))
    assert len(other.asked) == 3


def test_what_does_not_fit_is_left_out_the_oldest_narrations_first():
    free = Model(words(30, "one"), words(8, "two"), words(12, "three"))
    written_by(free)
    room = max(len(turns[0]) for _, turns, _ in free.asked[:2])
    short = Model(words(30, "one"), words(8, "two"), words(12, "three"), context=room - 1)
    _, written = written_by(short)
    assert [each.forgotten for each in written] == [0, 1, 1]
    assert [each.points_dropped for each in written] == [0, 0, 0]
    tight = Model("a", "b", "c", context=len(free.asked[0][1][0]) - 1)
    _, written = written_by(tight)
    assert [each.points_dropped for each in written] == [1, 0, 0]  # the others ask for a range of fewer digits
    assert [each.forgotten for each in written] == [0, 1, 2]
    with pytest.raises(InputError, match=r"kettle: clips\[0\]: does not fit"):
        written_by(Model("a", context=5))


def test_a_retry_that_does_not_fit_ends_the_retries():
    free = Model("a", "b", "c")
    written_by(free)
    short = Model("a", "b", "c", context=max(len(turns[0]) for _, turns, _ in free.asked) + 1)
    writer, written = written_by(short, length_retries=3)
    assert [each.written.narration for each in written] == ["a", "b", "c"]
    assert writer.report()["length_retries"] == 0


class Dictionary:
    """Translates by marking."""

    def __init__(self, mark):
        self.mark, self.settings, self.seen = mark, {"model": mark}, []

    def __call__(self, texts):
        self.seen += texts
        return [f"{self.mark}{text}" for text in texts]

    def report(self):
        return {"translate_requests": len(self.seen)}


def test_an_english_model_is_asked_in_english_and_reads_its_own_words_again():
    model = Model("Hot tea.", "It boils.", "Get it.")
    translation = Translation(Dictionary("E:"), Dictionary("译"))
    writer, written = written_by(model, video(language="zh", title="水壶"), translation=translation)
    assert [each.written.narration for each in written] == ["译Hot tea.", "译It boils.", "译Get it."]
    (first,), (_,), (third,) = (turns for _, turns, _ in model.asked)
    assert "About the product: E:水壶\nE:Material: E:steel, E:glass\n" in first
    assert "so far: Hot tea. It boils.\n" in third
    assert "in 29 to 31 words" in first  # 57 to 63 characters for 12 s
    assert writer.settings["translate"] == {"model": "译"}
    assert writer.settings["prompt_language"] == "en"
    assert writer.report()["translate_requests"] == 4 + 3


def test_fixed_narrations_are_translated_for_the_questions():
    model = Model("b", "c")
    translation = Translation(Dictionary("E:"), Dictionary("译"))
    _, written = written_by(model, video(language="zh", narrations={0: "冷茶"}), translation=translation)
    assert written[0].written.narration == "冷茶"
    assert "so far: E:冷茶\n" in model.asked[0][1][0]


def test_lengths_are_judged_in_the_storys_language():
    long = "one two three four five six seven eight nine ten"
    model = Model(*[long] * 6)
    translation = Translation(Dictionary("E:"), Dictionary(""))
    _, written = written_by(model, video(language="zh"), translation=translation, length_retries=1)
    assert count_words(long, "zh") == 48
    assert written[0].problem == "48 words instead of 57 to 63, asked 2 times"
    assert "10 words" in model.asked[1][1][2]  # what the model is asked is in its own language


def test_a_range_in_another_language_is_as_many_seconds():
    assert words_in(WordRange(5, 11), "zh", "en") == WordRange(3, 5)
    assert words_in(WordRange(3, 5), "en", "zh") == WordRange(6, 10)
    assert words_in(WordRange(1, 1), "zh", "en") == WordRange(1, 1)
    assert words_in(WordRange(7, 9), "en", "en") == WordRange(7, 9)


def test_everything_is_left_out_before_it_is_given_up():
    ways = list(less(2, 3))
    assert ways[0] == (0, 0)
    assert ways[-1] == (2, 3)
    assert len(set(ways)) == len(ways) == 6
