"""`vn compare --ratings`: Table 6 with measured rows, in every file that it writes."""

import csv
import json

import pytest
from finished_runs import make_stories, write_run
from simulated_ratings import key_of, make_kit, simulate, write_saved

from vn.cli import main

pytest.importorskip("plotly", reason="plotly is not installed")


@pytest.fixture(scope="module")
def rated(tmp_path_factory):
    """Two systems, of which `full` is the paper's own, and their merged ratings."""
    folder = tmp_path_factory.mktemp("rated")
    stories = make_stories(4)
    (folder / "videos").mkdir()
    for story in stories:
        (folder / "videos" / f"{story.id}.mp4").write_bytes(b"a video")
    runs = [write_run(folder / name, stories, name, wrong=0.3) for name in ("full", "no_lora")]
    model = {"baseline": "chat", "system": "A chat <b>model</b>", "settings__examples": 3}
    vendor = {"settings__chat": "openai:gpt-4-turbo", "settings__captions": "captions.jsonl"}
    runs.append(write_run(folder / "chat", stories, wrong=0.3, **model, **vendor))
    kit = make_kit(folder, runs, "--stories", 4, "--raters", 3, "--videos", folder / "videos")
    files = write_saved(kit, simulate(key_of(kit)))
    assert main(["rate", "merge", *files, "--out", str(folder / "ratings.json")]) == 0
    words = ["compare", *map(str, runs[:2]), "--ratings", str(folder / "ratings.json"), "--out", str(folder / "out")]
    assert main([*words, "--no-pictures"]) == 0
    return folder


@pytest.fixture(scope="module")
def ratings(rated):
    return json.loads((rated / "ratings.json").read_text(encoding="utf-8"))


def printed(ratings, system):
    own = ratings["systems"][system]
    columns = ("relevance", "attractiveness", "coherence", "geometric_mean")
    return [f"{own[column]['value']:.2f}" for column in columns]


def table_6(text):
    return text.partition("Table 6")[2]


def test_the_markdown_has_measured_rows_beside_the_printed_ones(rated, ratings):
    text = table_6((rated / "out" / "compare.md").read_text(encoding="utf-8"))
    full, no_lora, chat = (" | ".join(f"\\~{n}" for n in printed(ratings, system)) for system in ratings["systems"])
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    below = rows.index("| GPT-4V+GPT-4 | 2.48 | 2.05 | 2.18 | 2.22 |") + 1
    assert rows[below] == f"| **ours: A chat \\<b\\>model\\</b\\>** | {chat} |"
    below = rows.index("| VideoNarrator | 2.34 | 2.32 | 2.72 | 2.45 |") + 1
    assert rows[below] == f"| **ours: full** | {full} |"
    assert rows[-1] == f"| **ours: no\\_lora** | {no_lora} |", "the paper's table has no such row"
    assert "captions 'captions.jsonl', the paper's is gpt-4" in text
    assert "Ours: 4 stories, 3 raters, mean pairwise Pearson" in text
    assert "other raters and other stories than the paper's" in text


def test_the_page_and_the_tex_have_the_same_numbers(rated, ratings):
    page = table_6((rated / "out" / "compare.html").read_text(encoding="utf-8"))
    tex = table_6((rated / "out" / "compare.tex").read_text(encoding="utf-8"))
    for system in ratings["systems"]:
        for number in printed(ratings, system):
            assert f'<span class="mark">~</span>{number}</span>' in page
            assert number in tex
    low, high = ratings["systems"]["full"]["coherence"]["interval"]
    assert f"{low:.2f} to {high:.2f}" in page
    assert "A chat &lt;b&gt;model" in page
    assert r"\textcolor{gray}{2.34}" in tex


def test_the_csv_has_means_and_differences_on_the_scale_of_the_ratings(rated, ratings):
    with open(rated / "out" / "compare.csv", newline="") as file:
        rows = {(x["variant"], x["metric"]): x for x in csv.DictReader(file) if x["kind"] == "ratings"}
    assert len(rows) == 3 * 4
    for system, own in ratings["systems"].items():
        row = rows[system, "human_coherence"]
        assert float(row["mean"]) == own["coherence"]["value"]
        assert [float(row["low"]), float(row["high"])] == own["coherence"]["interval"]
        assert row["setting"] == "human"
    (one,) = (d for d in ratings["differences"] if (d["second"], d["column"]) == ("no_lora", "coherence"))
    assert one["first"] == "full"
    assert float(rows["no_lora", "human_coherence"]["difference"]) == one["value"]
    assert float(rows["no_lora", "human_coherence"]["p_holm"]) == one["p_value"]
    assert rows["full", "human_coherence"]["difference"] == ""
    assert rows["A chat <b>model</b>", "human_coherence"]["paper_row"] == "GPT-4V+GPT-4"


def test_files_that_are_no_ratings_are_refused(rated, capsys, ratings, tmp_path):
    file = tmp_path / "ratings.json"
    system = ratings["systems"]["full"]
    for content, wanted in (
        ([], "is not a file that vn rate merge wrote"),
        ({"format": 1, "systems": {"full": {}}}, "is damaged"),
        (
            {**ratings, "systems": {"full": {**system, "coherence": {"value": 7, "interval": None}}}},
            "systems.full.coherence: expected a rating from 0 to 3, got 7",
        ),
    ):
        file.write_text(json.dumps(content))
        capsys.readouterr()
        assert main(["compare", str(rated / "full"), "--ratings", str(file), "--out", str(tmp_path / "out")]) == 2
        error = capsys.readouterr().err
        assert wanted in error
        assert error.count("\n") == 1
        assert not (tmp_path / "out").exists()
