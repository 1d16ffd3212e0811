#!/usr/bin/env bash
# 2026-11-28. PySceneDetect 0.7.2: ContentDetector() finds no cut at all in a montage that has one every 0.4 s.
#
# Expected: scenes of 15 frames or more, the default of min_scene_len, so that of 41 cuts about every second one is left.
# Why it matters: advertisements are cut like this, and an empty list also means one shot: the whole montage becomes one clip. Between
# two longer shots it becomes one scene, however long it is.
# Cause, read in scenedetect/detector.py: a cut counts only if the one before it was at least min_scene_len earlier, whether that one
# counted or not; in a montage none is. FlashFilter in its default mode MERGE ends the merged scene only when the montage is over.
# What helps: min_scene_len=1, and joining short scenes afterwards; with filter_mode=SUPPRESS every second cut counts.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/env"
"$folder/env/bin/pip" install -q scenedetect==0.7.2 opencv-python-headless==4.14.0.94
"$folder/env/bin/python" - "$folder" <<'PY'
import logging
import sys

import cv2
import numpy as np
import scenedetect
from scenedetect import ContentDetector, detect
from scenedetect.detector import FlashFilter

logging.getLogger("pyscenedetect").setLevel(logging.ERROR)
draw = np.random.default_rng(0)


def write(name, lengths):
    """A film of random pictures, each for a number of frames, at 25 frames per second."""
    video = cv2.VideoWriter(name, cv2.VideoWriter_fourcc(*"MJPG"), 25, (160, 120))
    for length in lengths:
        colours = draw.integers(0, 256, (4, 6, 3), dtype=np.uint8)
        picture = cv2.resize(colours, (160, 120), interpolation=cv2.INTER_NEAREST)
        for _ in range(length):
            video.write(picture)
    video.release()
    return name


montage = write(f"{sys.argv[1]}/montage.avi", [10] * 42)
between = write(f"{sys.argv[1]}/between.avi", [100, *[10] * 42, 100])
found = {
    "default": len(detect(montage, ContentDetector())),
    "default, 4 s before and after": len(detect(between, ContentDetector())),
    "min_scene_len=1": len(detect(montage, ContentDetector(min_scene_len=1))),
    "filter_mode=SUPPRESS": len(detect(montage, ContentDetector(filter_mode=FlashFilter.Mode.SUPPRESS))),
}
print(f"scenedetect {scenedetect.__version__}: scenes found in a montage of 42: {found}")
assert list(found.values()) == [0, 3, 42, 21], "this has changed"
PY
