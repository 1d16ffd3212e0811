#!/usr/bin/env bash
# 2026-11-28. otio-fcp-adapter==1.0.0 with opentimelineio==0.18.1: of a clip that is in a track twice, the second is written
# to Final Cut Pro 7 XML without its place, so a gap before it is gone.
#
# Expected: what is written is read back: the clip at frame 0, a gap of 25 frames, the clip again at frame 75.
# Why it matters: a shot or a sound that is repeated starts early in the editor, and everything after it with it. Nothing
# is printed.
# Tried: clip, gap, the same clip again (equal name, file and range). The second <clipitem> has an id only, which refers to
# the first one: no <start>, no <end>. A second clip whose name differs is at its place.
# Way out: give the clips different names or metadata; numbered ones, for example.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/env"
"$folder/env/bin/pip" install -q 'opentimelineio==0.18.1' 'otio-fcp-adapter==1.0.0'
cd "$folder"
"$folder/env/bin/python" - <<'PY'
from importlib.metadata import version

import opentimelineio as otio
from opentimelineio.opentime import RationalTime, TimeRange

print("opentimelineio", version("opentimelineio"), "otio-fcp-adapter", version("otio-fcp-adapter"))


def span(start, frames):
    return TimeRange(RationalTime(start, 25), RationalTime(frames, 25))


def written_and_read(names):
    timeline = otio.schema.Timeline("t", global_start_time=RationalTime(0, 25))
    track = otio.schema.Track("v", kind="Video")
    timeline.tracks.append(track)
    for n, name in enumerate(names):
        if n:
            track.append(otio.schema.Gap(source_range=span(0, 25)))
        media = otio.schema.ExternalReference("a.mp4", span(0, 100))
        track.append(otio.schema.Clip(name, media, span(0, 50)))
    xml = otio.adapters.write_to_string(timeline, "fcp_xml")
    back = otio.adapters.read_from_string(xml, "fcp_xml")
    clips = [item for item in back.tracks[0] if isinstance(item, otio.schema.Clip)]
    return xml.count("<start>"), [clip.range_in_parent().start_time.value for clip in clips]


found = {names: written_and_read(names) for names in (("shot 1", "shot 2"), ("shot", "shot"))}
for names, (starts, places) in found.items():
    print(f"clips {names}: {starts} <start> elements, read back at frames {places}, expected [0.0, 75.0]")
assert found["shot 1", "shot 2"] == (2, [0, 75])
assert found["shot", "shot"] == (1, [0, 50]), "otio-fcp-adapter has changed: a repeated clip keeps its place"
PY
