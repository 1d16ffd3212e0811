"""What counts, ranked and in words, is the same on the page, in the files, in the terminal and on W&B."""

import csv
import re
from dataclasses import replace
from html import unescape

import pytest
from finished_runs import GRID, make_stories, write_grid, write_run

from vn.cli import main
from vn.compare.findings import findings, what_counts, what_counts_of_effects
from vn.compare.names import shown
from vn.compare.number import Delta
from vn.compare.rules import COUNTS, NOT, TOO_FEW, rules
from vn.compare.runs import find_runs
from vn.compare.study import study
from vn.compare.tables import paper_tables
from vn.compare.workspace import workspace
from vn.score.settings import ScoreSettings


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    """`no_memory` is much worse than full, `memory_none` better, `no_lora` the same but for chance."""
    folder, stories = tmp_path_factory.mktemp("sweep"), make_stories(22, clips=4)
    for ablation, wrong in {"full": 0.3, "no_memory": 0.6, "memory_none": 0.05, "no_lora": 0.3}.items():
        for seed in range(3):
            write_run(folder / f"{ablation}-seed{seed}", stories, ablation, seed, wrong, salt="b")
    return folder


@pytest.fixture(scope="module")
def found(sweep):
    return study(*find_runs([sweep]), ScoreSettings())


def test_effects_are_ranked_by_their_size_in_smallest_differences(found):
    ranked = findings(found, "predicted")
    sizes = [abs(f.delta.value) / rules().smallest_of(f.metric) for f in ranked]
    assert sizes == sorted(sizes, reverse=True)
    assert [f.rank for f in ranked] == list(range(1, len(ranked) + 1))
    assert all(size >= 1 - 1e-9 for size in sizes)
    said = what_counts(found, "predicted")
    assert {s.name for s in said} == {"no_memory", "memory_none", "no_lora"}
    tops = [s.findings[0].size if s.findings else 0 for s in said]
    assert tops == sorted(tops, reverse=True)
    assert said[-1].name == "no_lora"
    assert said[-1].verdict == "nothing counts"


def test_one_that_beats_full_is_said_so_and_each_says_what_it_leaves_out(found):
    said = {s.name: s for s in what_counts(found, "predicted")}
    assert said["memory_none"].beaten.startswith("beats full on ")
    assert "CIDEr" in said["memory_none"].beaten
    assert "CIDEr" not in said["no_memory"].beats
    assert said["memory_none"].about == "Without any memory: the frames of earlier clips are dropped."
    assert [f.metric for f in said["no_memory"].first if f.metric.startswith("bleu")] in ([], ["bleu_4"], ["bleu_3"])


def test_a_difference_of_rounding_is_never_shown(found):
    tiny = Delta(5e-14, 4e-14, 6e-14, 1e-9, (5e-14,), NOT, "smaller than 0.5", 3, 150)
    own = {name: dict.fromkeys(each, tiny) for name, each in found.deltas["predicted"].items()}
    said = what_counts(replace(found, deltas={"predicted": own}), "predicted")
    assert {s.verdict for s in said} == {"nothing counts"}
    assert not any(s.findings for s in said)


def test_one_seed_and_four_videos_are_too_few_to_say(tmp_path, capsys):
    stories = make_stories(4)
    for ablation, wrong in {"full": 0.1, "no_memory": 0.9}.items():
        write_run(tmp_path / ablation, stories, ablation, 0, wrong)
    assert main(["compare", str(tmp_path), "--no-pictures"]) == 0
    out = capsys.readouterr().out
    why = "too few to say: 1 seed and 4 videos; 3 seeds per variant and 20 videos are needed"
    assert f"no_memory: {why}" in out
    assert "0 differences from full count" in out
    assert why in (tmp_path / "compare.md").read_text()
    assert why in (tmp_path / "compare.html").read_text()
    assert why in (tmp_path / "compare.tex").read_text()
    with open(tmp_path / "compare.csv", newline="") as file:
        lines = [x for x in csv.DictReader(file) if x["difference"]]
    assert {x["verdict"] for x in lines} == {TOO_FEW}
    assert {x["counts"] for x in lines} == {"False"}


def plain(text):
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", text)).split())


def test_page_files_terminal_and_wandb_say_the_same(sweep, found, capsys, tmp_path):
    pytest.importorskip("wandb_workspaces")
    assert main(["compare", str(sweep), "--no-pictures", "--out", str(tmp_path)]) == 0
    terminal = capsys.readouterr().out
    page = plain((tmp_path / "compare.html").read_text().split("<script type")[0])
    markdown, latex = ((tmp_path / f"compare.{end}").read_text() for end in ("md", "tex"))
    made = workspace(paper_tables(found, None), "someone/vn", "Ablations", found)
    assert made.sections[0].name == "What counts, storyline predicted"
    panel = made.sections[0].panels[0].markdown
    with open(tmp_path / "compare.csv", newline="") as file:
        lines = {(x["variant"], x["metric"]): x for x in csv.DictReader(file)}
    for said in what_counts(found, "predicted"):
        for text in (page, terminal, markdown.replace("\\", ""), panel.replace("\\", "")):
            assert said.beaten in text
            assert said.verdict in text
            assert all(f.text in text or f.text.replace(" ", " ", 1) in text for f in said.first), said.name
        for text in (page, markdown.replace("\\", ""), panel.replace("\\", "")):
            assert said.about in text
        assert all(shown(f.metric).title in latex for f in said.findings)
        for f in said.findings:
            line = lines[said.name, f.metric]
            assert (line["verdict"], line["rank"], line["about"]) == (COUNTS, str(f.rank), said.about)
    assert {k for k, x in lines.items() if x["counts"] == "True"} == {
        (f.variant, f.metric) for f in findings(found, "predicted")
    }
    for text in (page, terminal, markdown.replace("\\", ""), panel.replace("\\", "")):
        assert rules().sentence.replace("<", "") in text.replace("<", "")


def test_main_effects_are_in_all_files_too(tmp_path, capsys):
    sweep = write_grid(tmp_path, make_stories(20, clips=2))
    assert main(["compare", str(sweep), "--no-pictures"]) == 0
    assert "main effect of ablation: no_memory instead of full: " in capsys.readouterr().out
    found = study(*find_runs([sweep]), ScoreSettings())
    effects = found.effects["predicted"]
    assert {e.factor: len(e.pairs) for e in effects} == dict.fromkeys(GRID, 4) | {"ablation": 4}
    assert {e.factor: e.deltas["cider"].counts for e in effects} == {
        "ablation": True,
        "model.base_model": True,
        "model.lora.rank": False,
    }
    said = {s.name: s for s in what_counts_of_effects(found, "predicted")}
    assert said["model.lora.rank: 8 instead of 32"].verdict == "nothing counts"
    page = (sweep / "compare.html").read_text()
    assert page.count('class="scores effects"') == 1
    assert "Main effects on CIDEr" in (sweep / "compare.md").read_text()
    assert "ablation: no\\_memory instead of full" in (sweep / "compare.tex").read_text()
    with open(sweep / "compare.csv", newline="") as file:
        lines = {x["variant"]: x for x in csv.DictReader(file) if (x["kind"], x["metric"]) == ("main effect", "cider")}
    d = {e.name: e.deltas["cider"] for e in found.effects["predicted"]}
    assert {name: float(x["difference"]) for name, x in lines.items()} == {name: each.value for name, each in d.items()}
