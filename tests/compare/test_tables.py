"""The paper's tables: below each printed row what was measured for it, in all files and in vn score --paper."""

import csv
import io
import re
from html.parser import HTMLParser

import pytest
import yaml
from finished_runs import BOTH, make_stories, write_run

from vn.cli import main
from vn.compare import files
from vn.compare.rules import baselines
from vn.compare.runs import find_runs
from vn.compare.study import study
from vn.compare.tables import paper_tables
from vn.score.paper import paper
from vn.score.settings import ScoreSettings

CHAT = {"chat": "openai:gpt-3.5-turbo", "captions": "local:llava-1.5-7b-hf"}
DRAWN = {"examples_seed": 0}
BLIP = {**CHAT, "captions": "file blip.jsonl", "captions_model": ["blip2-flan-t5-xl"]}


def system(baseline, name, row, **settings):
    """A baseline's configuration, and the printed row that it is measured for."""
    return {"baseline": baseline, "system": name, "settings": settings}, row


SYSTEMS = {  # by folder; rows of Table 2, those of the last three of Table 5
    "chat-zero": system("chat", "chat, zero-shot", "LLaVA-1.5+GPT-3.5 zero-shot", **CHAT, examples=0),
    "chat-few": system("chat", "chat, 3 examples", "LLaVA-1.5+GPT-3.5 few-shot", examples=3, **DRAWN),
    "chat-five": system("chat", "chat, 5 examples", None, examples=5, **DRAWN),
    "video-chat": system("video-chat", "Video-LLaVA-7B-hf", "Video-LLaVA", model="Video-LLaVA-7B-hf"),
    "video-chatgpt": system("video-chatgpt", "Video-ChatGPT (base)", "Video-ChatGPT"),
    "vtimellm": system("vtimellm", "VTimeLLM", "VTimeLLM"),
    "tuned": system("vtimellm", "VTimeLLM fine-tuned", "VTimeLLM fine-tuned"),
    "retrieval": system("retrieval", "retrieval", "GVMF", within_range=False),
    "verbalize": system("verbalize", "verbalize", "VerbalizeVideos-GPT3.5", **CHAT),
    "verbalize-blip": system("verbalize", "verbalize, BLIP-2", "VerbalizeVideos-BLIP2", **BLIP),
}
SYSTEMS["tuned"][0]["trainer"] = {"max_epochs": 8}


def write_baseline(folder, stories, config, **changes):
    """A baseline's run: as a narrator's, with another configuration, and without curves."""
    run = write_run(folder, stories, "full", salt=folder.name, wrong=0.6, **changes)
    (run / "config.yaml").write_text(yaml.safe_dump({"seed_everything": 0, **config}))
    (run / "metrics.jsonl").unlink()
    return run


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    stories = make_stories(24)
    for seed in range(3):
        write_run(folder / f"full-seed{seed}", stories, "full", seed, 0.1, settings=BOTH)
        write_run(folder / f"no_memory-seed{seed}", stories, "no_memory", seed, 0.4, settings=BOTH)
    for name, (config, _) in SYSTEMS.items():
        write_baseline(folder / name, stories, config, settings=BOTH)
    return folder


@pytest.fixture(scope="module")
def found(runs):
    return study(*find_runs([runs]), ScoreSettings())


@pytest.fixture(scope="module")
def tables(found):
    return {t.number: t for t in paper_tables(found, None)}


def below(table):
    """The printed row above each row of ours."""
    place, above = {}, None
    for row in table.rows:
        if row.ours:
            place[row.name] = above
            assert row.paper_name in (above, None)
            above = above if row.paper_name else None  # those without a printed row are last
        else:
            assert not (place and None in place.values())
            above = row.name
    return {name: row.paper_name for name in place for row in table.rows if row.name == name}


def test_each_baseline_is_right_below_its_printed_row(found, tables):
    names = {name: config["system"] for name, (config, _) in SYSTEMS.items()}
    ads, general = below(tables["Table 2"]), below(tables["Table 5"])
    assert ads == below(tables["Table 3"])
    assert ads["full"] == general["full"] == "VideoNarrator"
    assert ads["no_memory"] == "e. without visual memory"
    assert general["no_memory"] is None
    for name, (_, row) in SYSTEMS.items():
        mine = ads if name not in ("retrieval", "verbalize", "verbalize-blip") else general
        other = general if mine is ads else ads
        assert mine[names[name]] == row
        assert other[names[name]] is None
    for table in tables.values():
        printed = [row.name for row in table.rows if not row.ours]
        source = next(t for t in paper().tables if printed == list(t.rows))
        for row in table.rows:
            for (metric, _, _), cell in zip(table.columns, row.cells, strict=True):
                assert cell.paper == (None if row.ours else source.rows[row.name].get(metric))
                if row.ours and cell.ours:
                    assert cell.ours == found.numbers[table.setting][row.name][cell.metric]


def test_what_differs_from_the_papers_system_is_a_reason_of_that_row_alone(found):
    """On the paper's own stories, so that the systems alone differ."""
    table = next(t for t in paper_tables(found, "e-syncvidstory") if t.number == "Table 3")
    length = [c[0] for c in table.columns].index("word_length_accuracy")
    cells = {row.name: row.cells[length] for row in table.rows if row.ours}
    as_ours = "variant duration, the paper's is reference"
    assert cells["chat, zero-shot"].reasons == (as_ours,)
    assert cells["chat, 3 examples"].reasons[1:] == (
        "chat not stated, the paper's is gpt-3.5",
        "captions not stated, the paper's is llava",
    )
    assert cells["VTimeLLM fine-tuned"].reasons[1:] == ("base model not stated, the paper's is chatglm3",)
    assert cells["full"].reasons[1:] == ("language model tiny, the paper's is baichuan-7b",)
    assert cells["retrieval"].reasons == (as_ours,), "Table 3 has no retrieval system"
    general = next(t for t in paper_tables(found, "video-storytelling") if t.number == "Table 5")
    cell = next(row for row in general.rows if row.name == "retrieval").cells[0]
    assert "another system than GVMF, whose code is not public" in cell.reasons
    assert cell.mark == "~"


def test_a_number_of_the_same_system_and_computation_has_no_tilde(tmp_path):
    length = {"value": 0.373, "tokenisation": None, "variant": "reference"}
    stories = make_stories(4)
    run = write_baseline(
        tmp_path / "chat", stories, SYSTEMS["chat-zero"][0], scores={"predicted": {"word_length_accuracy": length}}
    )
    file = run / "predictions.predicted.jsonl"  # the range from the reference, as the paper's
    file.write_text(file.read_text().replace('"duration"', '"reference"'))
    one = study(*find_runs([run]), ScoreSettings())
    table = paper_tables(one, "e-syncvidstory")[1]
    row = next(row for row in table.rows if row.ours)
    cell = row.cells[[c[0] for c in table.columns].index("word_length_accuracy")]
    assert (row.paper_name, cell.mark, cell.reasons) == ("LLaVA-1.5+GPT-3.5 zero-shot", "", ())


class Rows(HTMLParser):
    """The first cells of the rows of the paper's tables."""

    def __init__(self):
        super().__init__()
        self.tables, self._inside, self._text = [], False, None

    def handle_starttag(self, tag, attrs):
        if tag == "table":
            self._inside = dict(attrs).get("class") == "paper"
            self.tables += [[]] if self._inside else []
        if self._inside and tag == "tr":
            self.tables[-1].append([])
        if self._inside and tag in ("td", "th"):
            self._text = ""

    def handle_data(self, data):
        if self._text is not None:
            self._text += data

    def handle_endtag(self, tag):
        if self._text is not None and tag in ("td", "th"):
            self.tables[-1][-1].append(" ".join(self._text.split()))
            self._text = None


def test_page_markdown_latex_and_csv_have_the_same_rows(runs, found, tables, tmp_path):
    assert main(["compare", str(runs), "--out", str(tmp_path), "--no-pictures"]) == 0
    page = Rows()
    page.feed((tmp_path / "compare.html").read_text(encoding="utf-8"))
    text, latex = (tmp_path / "compare.md").read_text(), (tmp_path / "compare.tex").read_text()
    assert len(page.tables) == len(tables)
    for shown, table in zip(page.tables, tables.values(), strict=True):
        names = [f"ours {row.name}" if row.ours else row.name for row in table.rows]
        assert [row[0] for row in shown[1:]] == names
        lines = text.split(f"## {table.number}: ")[1].split("\n## ")[0].splitlines()
        cells = [re.sub(r"\\(.)", r"\1", line)[1:-1].split(" | ") for line in lines if line.startswith("|")][2:]
        plain = [[c.strip().strip("*").replace("ours: ", "ours ") for c in row] for row in cells]
        assert [row[0] for row in plain] == names
        for mine, theirs in zip(plain, shown[1:], strict=True):
            assert mine[1:] == [re.sub(r" ±.*", "", cell) for cell in theirs[1:]]
        for row in table.rows:
            assert (rf"\quad ours: {files.tex(row.name)} &" if row.ours else f"{files.tex(row.name)} &") in latex
    lines = list(csv.DictReader(io.StringIO((tmp_path / "compare.csv").read_text())))
    printed = {(x["about"], x["variant"], x["metric"]): float(x["mean"]) for x in lines if x["kind"] == "paper"}
    for table in tables.values():
        for row in table.rows:
            for (metric, _, _), cell in zip(table.columns, row.cells, strict=True):
                if cell.paper is not None:
                    raw = cell.paper / (1 if table.note else 100)
                    assert printed.pop((table.number, row.name, metric)) == pytest.approx(raw)
    assert not printed
    of = {(x["setting"], x["variant"]): x["paper_row"] for x in lines if x["kind"] == "variant"}
    assert of["predicted", "VTimeLLM fine-tuned"] == "VTimeLLM fine-tuned"
    assert of["predicted", "retrieval"] == "GVMF"
    assert of["given", "chat, 5 examples"] == ""


def test_a_baseline_differs_from_full_as_an_ablation_does_and_says_what_it_is(found):
    d = found.deltas["predicted"]
    for name in ("retrieval", "chat, zero-shot"):  # nothing drawn: one run is that of every seed
        each = d[name]["cider"]
        assert (each.few, each.counts) == (3, True)
        full = found.numbers["predicted"]["full"]["cider"]
        own = found.numbers["predicted"][name]["cider"]
        assert each.seeds == pytest.approx([own.values[0] - value for value in full.values])
        assert each.value == pytest.approx(own.mean - full.mean)
        assert own.deviation is None
        (note,) = (note for note in found.notes if note.startswith("nothing is trained or drawn in "))
        assert name in note
    for name in ("VTimeLLM fine-tuned", "chat, 3 examples"):  # trained, or drawn
        assert d[name]["cider"].verdict == "too few to say"
    said = files.said_lines(found, "predicted")
    assert any(line.startswith("retrieval: ") and line.endswith(baselines()["retrieval"]) for line in said)
    assert not any("instead of" in line for line in said)
    assert not found.effects["predicted"]


def test_two_systems_without_seeds_have_too_few(runs):
    one = study(*find_runs([runs]), ScoreSettings(), baseline="retrieval")
    assert one.deltas["predicted"]["verbalize"]["cider"].verdict == "too few to say"
    assert one.deltas["predicted"]["full"]["cider"].counts
    assert not any("instead of" in line for line in files.said_lines(one, "predicted"))


def test_every_baseline_has_a_sentence_and_every_mapping_a_row():
    from vn.baselines.names import BASELINES

    assert set(baselines()) == set(BASELINES)
    assert {each.baseline for each in paper().baselines} == set(BASELINES)
    rows = {name for table in paper().tables for name in table.rows}
    assert {each.row for each in paper().baselines} <= rows
    predicted = next(t for t in paper().tables if t.name == "e-syncvidstory-predicted")
    general = next(t for t in paper().tables if t.name == "video-storytelling")
    mapped = {*paper().ablations.values(), *(each.row for each in paper().baselines)}
    assert {*predicted.rows, *general.rows, *paper().human.rows} == mapped, "every printed row can be measured"


def test_the_score_beside_the_paper_is_below_its_row(runs, capsys, tmp_path):
    table = tmp_path / "table.csv"
    for name, row in (("chat-zero", "LLaVA-1.5+GPT-3.5 zero-shot"), ("full-seed0", "VideoNarrator")):
        assert main(["score", str(runs / name), "--sentences", "none", "--paper", "--table", str(table)]) == 0
        shown = capsys.readouterr().out.split("storyline predicted: x100")[1].splitlines()
        place = next(i for i, line in enumerate(shown) if line.strip().startswith(f"ours: {name} "))
        assert shown[place - 1].strip().startswith(row)
        assert "~" in shown[place]
        order = list(
            dict.fromkeys(line["system"] for line in csv.DictReader(table.open()) if "predicted" in line["table"])
        )
        assert order.index(name) == order.index(row) + 1
