#!/usr/bin/env bash
# 2026-11-28. label-studio-sdk==2.1.2: LabelInterface.validate_task cannot take a task that has predictions or annotations, as
# every task for pre-annotation and every exported task has.
#
# Expected: true for a valid task, whatever it has besides its data.
# Why it matters: tasks are to be checked before an import; whoever checks whole tasks gets a TypeError instead of an answer.
# Tried: the same task with its data alone (true), with a prediction and with an annotation that validate_prediction and
# validate_annotation accept: it calls both without their argument.
# Way out: validate_task({"data": task["data"]}), and each prediction and annotation by itself.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/env"
"$folder/env/bin/pip" install -q 'label-studio-sdk==2.1.2'
cd "$folder"
"$folder/env/bin/python" -W ignore - <<'PY'
from importlib.metadata import version

from label_studio_sdk.label_interface import LabelInterface

print("label-studio-sdk", version("label-studio-sdk"))
interface = LabelInterface(
    '<View><Video name="v" value="$video"/>'
    '<TimelineLabels name="t" toName="v"><Label value="Clip"/></TimelineLabels></View>'
)
interface.validate()
value = {"ranges": [{"start": 1, "end": 50}], "timelinelabels": ["Clip"]}
result = [{"id": "a", "from_name": "t", "to_name": "v", "type": "timelinelabels", "value": value}]
data = {"video": "a.mp4"}
assert interface.validate_prediction({"result": result, "score": 0.5, "model_version": "m"})
assert interface.validate_annotation({"result": result})
assert interface.validate_task({"data": data})
for name in ("predictions", "annotations"):
    try:
        print(name, interface.validate_task({"data": data, name: [{"result": result}]}))
    except TypeError as error:
        print(f"{name}: TypeError: {error}")
    else:
        raise SystemExit("label-studio-sdk has changed: validate_task takes whole tasks")
PY
