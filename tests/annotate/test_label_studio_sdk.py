"""What is exported passes the validation of `label_studio_sdk` 2.1.2, in an environment of its own.

VN_LABEL_STUDIO is the Python of one:

    python -m venv ls && ls/bin/pip install label-studio-sdk==2.1.2
    VN_LABEL_STUDIO=ls/bin/python python -m pytest tests/annotate/test_label_studio_sdk.py

Its version 2.0.19, the last one that goes with the other packages, refuses every result of TimelineLabels. The sdk
checks neither units nor order nor whole frames: test_label_studio.py does.
"""

import copy
import json
import os
import subprocess

import pytest
from reviewed_stories import write_stories

from vn.cli import main

PYTHON = os.environ.get("VN_LABEL_STUDIO")
PROGRAM = """
import json, sys
from importlib.metadata import version
from label_studio_sdk.label_interface import LabelInterface
config, tasks = json.load(sys.stdin)
interface = LabelInterface(config)
interface.validate()
out = {"version": version("label-studio-sdk"), "tasks": [], "predictions": [], "annotations": [], "errors": []}
for task in tasks:
    out["tasks"].append(interface.validate_task({"data": task["data"]}))
    for each in task["predictions"]:
        out["predictions"].append(interface.validate_prediction(each))
        out["errors"] += interface.validate_prediction(each, return_errors=True)
    for each in task.get("annotations", ()):
        out["annotations"].append(interface.validate_annotation(each))
json.dump(out, sys.stdout)
"""
pytestmark = [
    pytest.mark.oracle,
    pytest.mark.skipif(PYTHON is None, reason="VN_LABEL_STUDIO is not set: see the top of this file"),
]


def validated(config, tasks):
    done = subprocess.run(
        [PYTHON, "-W", "ignore", "-c", PROGRAM],
        input=json.dumps([config, tasks]),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.fixture(scope="module", params=[("en", "en"), ("zh", "zh"), ("en", "zh")], ids="-".join)
def exported(request, tmp_path_factory):
    stories = write_stories(tmp_path_factory.mktemp("sdk"), request.param)
    assert main(["review", "export", str(stories), "--media-url", "https://media.example/videos"]) == 0
    folder = stories / "review" / "label-studio"
    return (folder / "config.xml").read_text("utf-8"), json.loads((folder / "tasks.json").read_text("utf-8"))


def test_the_configuration_tasks_predictions_and_annotations_are_valid(exported):
    config, tasks = exported
    tasks = copy.deepcopy(tasks)
    for task in tasks:
        task["annotations"] = [{"completed_by": 1, "result": task["predictions"][0]["result"]}]
    found = validated(config, tasks)
    assert found["version"] == "2.1.2"
    assert found["errors"] == []
    assert found["tasks"] == found["predictions"] == found["annotations"] == [True, True]


def test_it_refuses_what_is_wrong(exported):
    """So that what passes says something."""
    config, tasks = exported
    bad = copy.deepcopy(tasks)
    bad[0]["predictions"][0]["score"] = 7
    bad[1]["predictions"][0]["result"][2]["value"]["choices"] = ["Price"]
    del bad[0]["data"]["video"]
    found = validated(config, bad)
    assert found["predictions"] == [False, False]
    assert found["tasks"] == [False, True]
