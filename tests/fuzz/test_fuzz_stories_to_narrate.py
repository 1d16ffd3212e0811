"""What ``vn narrate`` reads besides a video: product files, storylines and prompt templates."""

import dataclasses
from pathlib import Path

import mutate
import yaml
from place import sizes

from vn.errors import Findings
from vn.narrate.output import show
from vn.prompt import PromptWriter, Written
from vn.story import Clip, Knowledge, ScriptLabel, Story, WordRange
from vn.story_file.edit import plan_of, read_edited
from vn.story_file.product import read_product, read_storyline
from vn.story_file.record import record
from vn.template import TEMPLATES, Template

PRODUCT = {
    "title": "Aurora home classic",
    "language": "en",
    "domain": "ad",
    "knowledge": [{"aspect": "Material", "points": ["glazed stoneware", "recycled glass", 3.5]}],
    "clips": [{"start": 0, "end": 2.5, "labels": ["Sore Point"]}, {"start": 2.5, "end": 4, "labels": "外观设计"}],
}
ANCHORED = b"title: &t A\nlanguage: en\nknowledge:\n- aspect: *t\n  points: &p [one, two]\n- {aspect: B, points: *p}\n"
STORYLINE = ["Sore Point", "Product Effect+Product Trial", "引导购买"]
STORY = Story(
    "kettle",
    "Aurora {kettle}",
    "en",
    "ad",
    (Knowledge("Material", ("steel", "glass")),),
    (Clip(0, 2, (ScriptLabel.SORE_POINT,), "Cold?"), Clip(2, 4, (ScriptLabel.EFFECT,), "Warm.")),
)
# Product and storyline are read before the adapter is looked for, which is not there.
ACCEPTED = ("run/adapter: no adapter here",)


@sizes(40, 700)
def test_product_files(fuzz, place, count):
    file = place.folder / "product.yaml"

    def check(data: bytes) -> mutate.Outcome:
        file.write_bytes(data)
        return place.read(lambda: read_product(file, Findings()), file)

    fuzz("product: read", check, [mutate.as_yaml(PRODUCT), ANCHORED], count, [PRODUCT], mutate.as_yaml)


def test_a_title_is_shown_as_it_is(place, capsys):
    """Brackets are no markup."""
    show(plan_of(dataclasses.replace(STORY, title="Kettle [/b] [bold")), [], place.out, Findings())
    assert "Kettle [/b] [bold" in capsys.readouterr().out


@sizes(30, 500)
def test_product_files_through_narrate(fuzz, place, count):
    file, video = place.folder / "product.yaml", place.folder / "video.mp4"
    video.touch()

    def check(data: bytes) -> mutate.Outcome:
        file.write_bytes(data)
        words = ["narrate", video, "--product", file, "--run", place.folder / "run", "--out", place.out]
        came = place.vn(*words, names=(file,), fine=ACCEPTED)
        assert not place.out.exists()
        return came

    fuzz("product: vn narrate", check, [mutate.as_yaml(PRODUCT), ANCHORED], count, [PRODUCT], mutate.as_json)


@sizes(20, 300)
def test_storylines(fuzz, place, count):
    file = place.folder / "storyline.yaml"

    def check(data: bytes) -> mutate.Outcome:
        file.write_bytes(data)
        return place.read(lambda: read_storyline(file), file)

    fuzz("storyline: read", check, [mutate.as_yaml(STORYLINE)], count, [STORYLINE], mutate.as_yaml)


@sizes(20, 300)
def test_storylines_through_narrate(fuzz, place, count):
    product, file, video = (place.folder / name for name in ("product.yaml", "storyline.yaml", "video.mp4"))
    product.write_bytes(mutate.as_yaml(PRODUCT))
    video.touch()

    def check(data: bytes) -> mutate.Outcome:
        file.write_bytes(data)
        words = ["narrate", video, "--product", product, "--storyline", file]
        return place.vn(*words, "--run", place.folder / "run", "--out", place.out, names=(file,), fine=ACCEPTED)

    fuzz("storyline: vn narrate", check, [mutate.as_yaml(STORYLINE)], count, [STORYLINE], mutate.as_yaml)


@sizes(40, 700)
def test_edited_stories(fuzz, place, count):
    file = place.folder / "story.json"
    made_with = {"adapter": "run/adapter", "length": "exact", "seed": 0}
    noted = record(dataclasses.replace(STORY, video="/video.mp4"), made_with, place.folder, (320, 180))
    told = STORY.to_dict() | {"warnings": ["clips[1].narration: long"], "record": noted, "video": "./video.mp4"}
    told["clips"][1] |= {"narration": "Hot.", "fixed": ["narration"], "words": 1, "word_range": [1, 9]}
    clips = [
        {"start": 0.0, "end": 2.0, "labels": ["Sore Point"], "narration": "Cold?"},
        told["clips"][1] | {"labels": []},
    ]
    older = told | {"record": {"made_with": made_with, "product": "0" * 64, "clips": clips}}

    def check(data: bytes) -> mutate.Outcome:
        file.write_bytes(data)
        return place.read(lambda: read_edited(file, Findings()), file)

    seeds = [mutate.as_json(told), mutate.as_json(older)]
    fuzz("edited story: read", check, seeds, count, [told, older], mutate.as_json)


@sizes(50, 1000)
def test_templates(fuzz, place, count):
    """A template that is accepted writes every segment of a prompt."""
    file = place.folder / "mine.yaml"

    def write() -> None:
        template = Template.load(file)
        assert Template.load(file, "index_of_total").clip_header == "index_of_total"
        for storyline in (True, False):
            writer = PromptWriter(STORY, template, storyline)
            segments = writer.head()
            for i, clip in enumerate(STORY.clips):
                segments += writer.clip(i, Written(WordRange(3, 8), clip.labels, clip.narration or ""), scene=True)
            text = "".join(segment.text for segment in segments)
            assert len(text.encode()) < 10_000_000

    def check(data: bytes) -> mutate.Outcome:
        file.write_bytes(data)
        return place.read(write, file)

    shipped = [path.read_bytes() for path in sorted(Path(TEMPLATES).glob("*.yaml"))]
    fuzz("template: read and write", check, shipped, count, [yaml.safe_load(text) for text in shipped], mutate.as_yaml)
