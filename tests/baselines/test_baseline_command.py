"""``vn baseline`` with a made-up system: the run folder, how it is continued, and what it refuses."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import echo_writer
import pytest
import yaml
from hold import environment, wait_for
from made_up import damage, write_data
from small_video import write_video

from vn.cli import main
from vn.data.manifest import Manifest
from vn.data.shards import read_story
from vn.extras import LIBRARIES
from vn.story import WordRange

QUICK = ("--sentences", "none", "--judge", "none")
HERE = Path(__file__).parents[1]
SCRIPT = "import echo_writer, sys; echo_writer.register(); from vn.cli import main; sys.exit(main(sys.argv[1:]))"


@pytest.fixture(autouse=True)
def echo(monkeypatch):
    echo_writer.register(monkeypatch)


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """A data folder with thumbnails."""
    return write_data(tmp_path_factory.mktemp("shown"), thumbs=True)


def run(data, out, *words):
    return main(["baseline", "echo", "--data", str(data), "--out", str(out), *QUICK, *words])


def lines(file):
    return [json.loads(line) for line in file.read_text().splitlines()]


def stories(data, split="test"):
    return [read_story(data / entry.shard, entry) for entry in Manifest.load(data).samples(split)]


def start(*words):
    """A process of its own with the made-up system."""
    path = os.pathsep.join([str(HERE), *filter(None, sys.path)])
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, "baseline", "echo", *map(str, words), *QUICK],
        env=environment(PYTHONPATH=path),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


class TestRunFolder:
    def test_it_has_what_a_run_of_ours_has(self, data, tmp_path, capsys):
        out = tmp_path / "runs" / "echo"
        assert run(data, out, "--seed", "4") == 0
        assert "results are in" in capsys.readouterr().err
        references = {story.id: story for story in stories(data)}
        assert {line["id"] for line in lines(out / "stories.jsonl")} == set(references)
        for setting in ("predicted", "given"):
            found = lines(out / f"predictions.{setting}.jsonl")
            wanted = [(key, i) for key, story in sorted(references.items()) for i in story.narrated]
            assert [(line["video"], line["clip"]) for line in found] == wanted
            for line in found:
                clip = references[line["video"]].clips[line["clip"]]
                assert line["reference"] == clip.narration
                assert line["labels_given"] == ([x.en for x in clip.labels] if setting == "given" else None)
                assert WordRange(*line["word_range"]) == WordRange.of_duration(clip.duration, 2.5, 5)
                assert line["narration"].startswith("plain")
        config = yaml.safe_load((out / "config.yaml").read_text())
        assert (config["baseline"], config["system"], config["seed_everything"]) == ("echo", "echo, plain", 4)
        assert config["settings"] == {"style": "plain"}
        assert config["data"]["folder"] == str(data)
        scores = json.loads((out / "scores.json").read_text())
        (numbers,) = lines(out / "metrics.jsonl")
        assert numbers["test/predicted/bleu_1"] == scores["predicted"]["bleu_1"]["value"]
        clips = sum(len(story.narrated) for story in references.values())
        assert numbers["cost/requests"] == 2 * clips == json.loads((out / "cost.json").read_text())["requests"]
        assert not (out / "parts").exists()
        assert not (out / ".lock").exists()

    def test_by_default_it_is_in_runs_under_the_baselines_name(self, data, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        words = ["--data", str(data), "--limit", "1", "--no-score"]
        assert main(["baseline", "echo", *words]) == 0
        assert (tmp_path / "runs" / "echo" / "metrics.jsonl").exists()
        assert main(["baseline", *words, "--baseline", "echo", "--runs", "others", "--name", "mine"]) == 0
        assert (tmp_path / "others" / "mine" / "predictions.given.jsonl").exists()
        assert not (tmp_path / "others" / "mine" / "scores.json").exists()

    def test_workers_write_the_same(self, data, tmp_path):
        assert run(data, tmp_path / "one") == 0
        assert run(data, tmp_path / "four", "--workers", "4") == 0
        for name in ("predictions.predicted.jsonl", "predictions.given.jsonl", "stories.jsonl", "cost.json"):
            assert (tmp_path / "one" / name).read_text() == (tmp_path / "four" / name).read_text()

    def test_vn_score_takes_it(self, data, tmp_path, capsys):
        assert run(data, tmp_path / "echo", "--no-score") == 0
        assert main(["score", str(tmp_path / "echo"), *QUICK, "--paper"]) == 0
        out = capsys.readouterr().out
        assert "storyline given" in out
        assert "VTimeLLM fine-tuned" in out

    def test_vn_doctor_takes_it(self, data, tmp_path, capsys):
        assert run(data, tmp_path / "echo", "--no-score") == 0
        assert main(["doctor", str(tmp_path / "echo")]) == 0, capsys.readouterr()
        (tmp_path / "echo" / "stories.jsonl").unlink()
        assert main(["doctor", str(tmp_path / "echo")]) == 2
        assert "not all stories are written: repeat its command" in capsys.readouterr().err

    def test_the_core_alone_writes_and_scores_it(self, shown, tmp_path):
        """Neither torch nor Lightning nor W&B: a system behind an endpoint needs none of them."""
        beyond = sorted(name for name, extras in LIBRARIES.items() if extras)
        words = ["baseline", "echo", "--data", str(shown), "--out", "run", "--sees", "rgb", *QUICK]
        done = subprocess.run(
            [sys.executable, str(HERE / "blocked.py"), ",".join(beyond)],
            input=json.dumps(words),
            capture_output=True,
            text=True,
            timeout=300,
            cwd=tmp_path,
            env=environment(PYTHONPATH=echo_writer.for_processes(tmp_path / "site")),
        )
        (ended,) = json.loads(done.stdout)
        assert ended["code"] == 0, ended
        assert (tmp_path / "run" / "scores.json").exists()


@pytest.mark.parametrize(("name", "reads_stories"), [("echo", True), ("vtimellm", False)])
def test_help_has_examples_that_the_baseline_can_do(capsys, name, reads_stories):
    assert main(["baseline", name, "--help"]) == 0
    assert (f"vn baseline {name} --stories" in capsys.readouterr().out) == reads_stories


class TestChoices:
    def test_limit_and_one_storyline(self, data, tmp_path):
        assert run(data, tmp_path / "few", "--limit", "2", "--storyline", "given") == 0
        assert {line["video"] for line in lines(tmp_path / "few" / "predictions.given.jsonl")} == {
            story.id for story in stories(data)[:2]
        }
        assert not (tmp_path / "few" / "predictions.predicted.jsonl").exists()

    def test_a_system_without_labels_writes_predicted_alone_and_refuses_the_other(self, data, tmp_path, capsys):
        assert run(data, tmp_path / "a", "--only-predicted") == 0
        assert sorted(json.loads((tmp_path / "a" / "scores.json").read_text())) == ["predicted"]
        assert run(data, tmp_path / "b", "--only-predicted", "--storyline", "both") == 2
        assert "cannot write with the storyline given, only predicted" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("words", "wanted"),
        [
            (("--word-range", "reference"), lambda clip: WordRange.of_reference(clip.narration, "en", 5)),
            (("--word-rate", "1", "--word-margin", "0"), lambda clip: WordRange.of_duration(clip.duration, 1, 0)),
        ],
    )
    def test_word_ranges(self, data, tmp_path, words, wanted):
        assert run(data, tmp_path / "a", *words) == 0
        references = {story.id: story for story in stories(data)}
        for line in lines(tmp_path / "a" / "predictions.predicted.jsonl"):
            assert WordRange(*line["word_range"]) == wanted(references[line["video"]].clips[line["clip"]])
            assert line["range_source"] == ("reference" if "reference" in words else "duration")

    def test_frames_come_from_thumbnails_with_a_note(self, shown, data, tmp_path, capsys):
        assert run(shown, tmp_path / "a", "--sees", "rgb") == 0
        assert "thumbnails in the shards, 96 pixels high" in capsys.readouterr().err
        assert yaml.safe_load((tmp_path / "a" / "config.yaml").read_text())["frames"] == "thumbnails"
        assert run(data, tmp_path / "b", "--sees", "rgb") == 2
        assert "the shards have no thumbnails; give the videos with --videos DIR" in capsys.readouterr().err

    def test_features_are_those_of_the_shards(self, data, tmp_path):
        assert run(data, tmp_path / "a", "--sees", "features") == 0


class TestConfigFile:
    def write(self, tmp_path, content):
        file = tmp_path / "options.yaml"
        file.write_text(yaml.safe_dump(content))
        return ("--config", str(file))

    def test_options_by_baseline_and_common_ones(self, data, tmp_path):
        options = {
            "common": {"limit": 2, "style": "common", "no_score": True},
            "echo": {"style": "quiet"},
            "chat": {"anything": 1},
        }
        config = self.write(tmp_path, options)
        assert run(data, tmp_path / "a", *config) == 0
        assert len(lines(tmp_path / "a" / "stories.jsonl")) == 2
        assert not (tmp_path / "a" / "scores.json").exists()
        assert yaml.safe_load((tmp_path / "a" / "config.yaml").read_text())["system"] == "echo, quiet"
        assert run(data, tmp_path / "b", *config, "--limit", "1", "--style", "loud") == 0
        assert len(lines(tmp_path / "b" / "stories.jsonl")) == 1
        assert yaml.safe_load((tmp_path / "b" / "config.yaml").read_text())["system"] == "echo, loud"

    def test_a_list_is_a_repeated_option(self, data, tmp_path, capsys):
        config = self.write(tmp_path, {"echo": {"refuse": ["test-0-1", "test-0-2"]}})
        assert run(data, tmp_path / "a", *config) == 2
        assert "(and 3 more)" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ([1], "expected options by baseline, got [1]"),
            ({"ehco": {}}, "ehco: is neither common nor a baseline (did you mean 'echo'?)"),
            ({"echo": 1}, "echo: expected options by name, got 1"),
            ({"echo": {"stile": "x"}}, "echo.stile: is not an option (did you mean 'style'?)"),
            ({"common": {"limit": "many"}}, "common: argument --limit: invalid int value: 'many'"),
            ({"common": {"limit": 0}}, "common: argument --limit: expected 1 or more, got 0"),
            ({"common": {"storyline": "none"}}, "argument --storyline: invalid choice: 'none'"),
            ({"common": {"limit": [1, 2]}}, "common.limit: expected one value, got [1, 2]"),
            ({"common": {"limit": True}}, "common.limit: expected a value, got True"),
            ({"common": {"config": "x.yaml"}}, "common.config: is not an option"),
        ],
    )
    def test_what_is_wrong_in_it_is_named(self, data, tmp_path, capsys, content, message):
        assert run(data, tmp_path / "a", *self.write(tmp_path, content)) == 2
        error = capsys.readouterr().err
        assert error.startswith(f"vn baseline: error: {tmp_path / 'options.yaml'}: ")
        assert message in error
        assert len(error.splitlines()) == 1


class TestBadInput:
    @pytest.mark.parametrize(
        ("words", "message"),
        [
            ([], "name a baseline: chat, "),
            (["ehco"], "no baseline 'ehco' (did you mean 'echo'?)"),
            (["echo", "--baseline", "chat"], "echo and chat are named"),
            (["echo"], "give --data DATA, or --stories STORIES with --videos DIR"),
            (["echo", "--data", "nowhere"], "nowhere: no such data folder"),
            (["echo", "--stories", "nowhere"], "nowhere: no such file or folder"),
            (["echo", "--data", "DATA", "--test-ids", "ids"], "--test-ids: is only used with --stories"),
            (["echo", "--data", "DATA", "--videos", "nowhere"], "no such folder of videos"),
            (["echo", "--data", "DATA", "--out", "a", "--name", "b"], "give either --out, or --runs and --name"),
            (["echo", "--data", "DATA", "--judge", "openai:x"], "would be sent to api.openai.com; add --yes to send"),
            (["echo", "--data", "DATA", "--name", "a/b"], "expected the name of a folder inside --runs"),
        ],
    )
    def test_it_is_one_line(self, data, tmp_path, monkeypatch, capsys, words, message):
        monkeypatch.chdir(tmp_path)
        assert main(["baseline", *(str(data) if word == "DATA" else word for word in words)]) == 2
        error = capsys.readouterr().err
        assert len(error.splitlines()) == 1
        assert message in error
        assert list(tmp_path.iterdir()) == []

    def test_the_run_of_a_narrator_is_not_continued(self, data, tmp_path, capsys):
        (tmp_path / "config.yaml").write_text("ablation: full\n")
        (tmp_path / "metrics.jsonl").write_text("{}\n")
        assert run(data, tmp_path) == 2
        assert "is the run of a narrator" in capsys.readouterr().err

    def test_the_run_of_another_baseline_is_not_continued(self, data, tmp_path, capsys):
        assert run(data, tmp_path, "--no-score") == 0
        before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
        assert main(["baseline", "parrot", "--data", str(data), "--out", str(tmp_path)]) == 2
        assert "config.yaml: is a run of 'echo'; give another --out or --name" in capsys.readouterr().err
        assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before

    @pytest.mark.parametrize("workers", ["1", "3"])
    def test_the_others_are_written_if_one_video_cannot_be(self, data, tmp_path, capsys, workers):
        out, whole = tmp_path / "a", tmp_path / "whole"
        assert run(data, whole) == 0
        calls = ("--calls", str(tmp_path / "calls"), "--workers", workers)
        capsys.readouterr()
        assert run(data, out, *calls, "--refuse", "test-0-3") == 2
        error = capsys.readouterr().err
        assert "cannot be written; continuing with the others: test-0-3: is refused" in error
        assert error.splitlines()[-1] == (
            "vn baseline: error: test-0-3: is refused (and 1 more); what was written is kept; "
            "repeat the command to continue"
        )
        assert not (out / "stories.jsonl").exists()
        before = (tmp_path / "calls").read_text().splitlines()
        assert run(data, out, *calls) == 0
        after = (tmp_path / "calls").read_text().splitlines()[len(before) :]
        assert {call.split(":")[0] for call in after} == {"test-0-3"}
        for name in ("predictions.predicted.jsonl", "predictions.given.jsonl", "cost.json"):
            assert (out / name).read_text() == (whole / name).read_text()

    @pytest.mark.parametrize("sample", ["test-0-0", "test-0-2"])
    def test_a_damaged_sample_is_named_and_the_others_are_written(self, tmp_path, capsys, sample):
        data = write_data(tmp_path / "data")
        damage(data, sample, split="test")
        assert run(data, tmp_path / "a", "--sees", "features") == 2
        assert sample in capsys.readouterr().err.splitlines()[-1]
        assert "test-0-1" in (tmp_path / "a" / "parts" / "rank0.jsonl").read_text()


class TestContinued:
    def test_a_finished_run_says_so_and_asks_nothing(self, data, tmp_path, capsys):
        calls = ("--calls", str(tmp_path / "calls"))
        assert run(data, tmp_path / "a", *calls) == 0
        before = (tmp_path / "calls").read_text()
        capsys.readouterr()
        assert run(data, tmp_path / "a", *calls) == 0
        assert "is finished" in capsys.readouterr().out
        assert (tmp_path / "calls").read_text() == before

    @pytest.mark.parametrize(
        ("words", "key"),
        [
            (("--style", "loud"), "settings.style: this run folder has 'plain', but it is now 'loud'"),
            (("--seed", "1"), "seed_everything: this run folder has 0, but it is now 1"),
            (("--word-margin", "1"), "word_range.margin: this run folder has None, but it is now 1"),
            (("--limit", "1"), "data.limit: this run folder has None, but it is now 1"),
            (
                ("--storyline", "given"),
                "storyline: this run folder has ['predicted', 'given'], but it is now ['given']",
            ),
        ],
    )
    def test_other_settings_are_refused(self, data, tmp_path, capsys, words, key):
        assert run(data, tmp_path / "a", "--no-score") == 0
        before = (tmp_path / "a" / "config.yaml").read_text()
        capsys.readouterr()
        assert run(data, tmp_path / "a", *words) == 2
        assert key in capsys.readouterr().err
        assert (tmp_path / "a" / "config.yaml").read_text() == before

    def test_a_run_that_wrote_nothing_may_be_changed(self, data, tmp_path, capsys):
        (tmp_path / "a").mkdir()
        (tmp_path / "a" / "config.yaml").write_text("baseline: echo\n")
        assert run(data, tmp_path / "a", "--no-score") == 0

    @pytest.mark.timeout(600)
    @pytest.mark.parametrize("workers", ["1", "2"])
    def test_killed_half_way_nothing_is_asked_twice(self, data, tmp_path, workers):
        """SIGKILL before the second clip of a video with several: the clip before it was asked, the story not kept."""
        story = next(s for s in stories(data)[1:] if len(s.narrated) > 1)
        calls, gate = tmp_path / "calls", tmp_path / "gate"
        gate.write_text(f"{story.id}:{story.narrated[1]}:predicted")
        words = ("--data", data, "--out", tmp_path / "a", "--calls", calls, "--gate", gate, "--workers", workers)
        process = start(*words)
        wait_for(process, Path(f"{gate}.reached").exists)
        process.kill()
        process.communicate(timeout=300)
        before = calls.read_text().splitlines()
        assert f"{story.id}:{story.narrated[0]}:predicted" in before
        assert (tmp_path / "a" / "parts").is_dir()
        gate.unlink()
        assert run(data, tmp_path / "a", "--calls", str(calls), "--workers", workers) == 0
        after = calls.read_text().splitlines()
        assert len(set(after)) == 2 * sum(len(s.narrated) for s in stories(data))
        assert len(after) - len(set(after)) <= int(workers) - 1, "only what another thread was asking at that moment"
        assert after[: len(before)] == before
        assert run(data, tmp_path / "whole") == 0
        for name in ("predictions.predicted.jsonl", "predictions.given.jsonl", "stories.jsonl"):
            assert (tmp_path / "a" / name).read_text() == (tmp_path / "whole" / name).read_text()

    @pytest.mark.timeout(600)
    @pytest.mark.parametrize(
        ("signum", "code", "says"),
        [(signal.SIGTERM, 143, "stopped by SIGTERM"), (signal.SIGINT, 130, "interrupted")],
        ids=["SIGTERM", "Ctrl-C"],
    )
    def test_a_signal_ends_it_and_the_same_command_goes_on(self, data, tmp_path, signum, code, says):
        story = next(s for s in stories(data)[2:] if len(s.narrated) > 1)
        calls, gate = tmp_path / "calls", tmp_path / "gate"
        gate.write_text(f"{story.id}:{story.narrated[1]}:given")
        words = ("--data", data, "--out", tmp_path / "a", "--calls", calls, "--gate", gate)
        process = start(*words)
        wait_for(process, Path(f"{gate}.reached").exists)
        process.send_signal(signum)
        _, error = process.communicate(timeout=300)
        assert process.returncode == code
        assert error.splitlines() == [f"vn baseline: {says}; repeat the command to continue"]
        assert not (tmp_path / "a" / ".lock").exists()
        before = calls.read_text().splitlines()
        gate.unlink()
        assert run(data, tmp_path / "a", "--calls", str(calls)) == 0
        after = calls.read_text().splitlines()
        assert len(after) == len(set(after))
        assert len(after) > len(before) > 0
        clips = 2 * sum(len(s.narrated) for s in stories(data))
        cost = json.loads((tmp_path / "a" / "cost.json").read_text())
        assert cost == {"requests": len(after), "clips": clips}, "the clip before the gate was asked and counted once"

    @pytest.mark.timeout(600)
    def test_two_processes_at_once(self, data, tmp_path, capsys):
        story = stories(data)[0]
        gate = tmp_path / "gate"
        gate.write_text(f"{story.id}:{story.narrated[0]}:predicted")
        process = start("--data", data, "--out", tmp_path / "a", "--gate", gate)
        wait_for(process, Path(f"{gate}.reached").exists)
        assert run(data, tmp_path / "a") == 2
        assert f"vn baseline (process {process.pid}) is at work in this folder" in capsys.readouterr().err
        gate.unlink()
        process.communicate(timeout=300)
        assert process.returncode == 0


class TestStories:
    @pytest.fixture
    def source(self, tmp_path):
        folder = tmp_path / "stories"
        folder.mkdir()
        for n in range(3):
            clips = [{"start": 0, "end": 2, "narration": "One two."}, {"start": 2, "end": 4, "narration": "Three."}]
            story = {"id": f"s{n}", "title": "Kettle", "language": "en", "clips": clips}
            (folder / f"s{n}.json").write_text(json.dumps(story))
        videos = tmp_path / "videos"
        videos.mkdir()
        for n in range(3):
            write_video(videos / f"s{n}.mp4", 4)
        return folder, videos

    def words(self, source, out):
        return ["baseline", "echo", "--stories", str(source[0]), "--videos", str(source[1]), "--out", str(out), *QUICK]

    def test_without_labels_only_predicted_is_written(self, source, tmp_path):
        assert main([*self.words(source, tmp_path / "a"), "--sees", "rgb"]) == 0
        assert {p.name for p in (tmp_path / "a").glob("predictions.*")} == {"predictions.predicted.jsonl"}
        assert len(lines(tmp_path / "a" / "predictions.predicted.jsonl")) == 6

    def test_labels_that_are_asked_for_and_not_there_are_an_error(self, source, tmp_path, capsys):
        assert main([*self.words(source, tmp_path / "a"), "--storyline", "given"]) == 2
        assert "no story can be written: has no script labels to give" in capsys.readouterr().err

    def test_a_video_that_is_not_there_is_named(self, source, tmp_path, capsys):
        (source[1] / "s1.mp4").unlink()
        assert main([*self.words(source, tmp_path / "a"), "--sees", "rgb"]) == 2
        error = capsys.readouterr().err.splitlines()[-1]
        assert f"s1: the video is not found in {source[1]}" in error

    def test_features_need_an_encoder(self, source, tmp_path, capsys):
        assert main([*self.words(source, tmp_path / "a"), "--sees", "features"]) == 2
        assert "needs frame features: give --data DATA, or --encoder NAME" in capsys.readouterr().err
        words = ("--sees", "features", "--encoder", "efficientnet-lite0")
        assert main([*self.words(source, tmp_path / "b"), *words]) == 0

    def test_a_story_that_changed_is_another_run(self, source, tmp_path, capsys):
        assert main(self.words(source, tmp_path / "a")) == 0
        file = source[0] / "s0.json"
        file.write_text(file.read_text().replace("Kettle", "Teapot"))
        assert main(self.words(source, tmp_path / "a")) == 2
        assert "stories.sha256: this run folder has" in capsys.readouterr().err

    def test_another_language_is_named(self, source, tmp_path, capsys):
        file = source[0] / "s1.json"
        file.write_text(file.read_text().replace('"en"', '"zh"'))
        assert main(self.words(source, tmp_path / "a")) == 2
        error = capsys.readouterr().err
        assert f"{file}: s1: is 'zh', 'ad', but s0 is 'en', 'ad': write them separately" in error

    def test_a_split_of_stories_without_any_is_refused(self, source, tmp_path, capsys):
        assert main([*self.words(source, tmp_path / "a"), "--split", "train"]) == 2
        assert "--split: these stories are in no split: all are written" in capsys.readouterr().err

    def test_a_split_of_the_source(self, source, tmp_path):
        (source[0] / "test").mkdir()
        (source[0] / "s2.json").rename(source[0] / "test" / "s2.json")
        assert main(self.words(source, tmp_path / "a")) == 0
        assert [line["id"] for line in lines(tmp_path / "a" / "stories.jsonl")] == ["s2"]
