#!/usr/bin/env bash
# 2026-11-28. opencc-python-reimplemented==0.1.7: tw2s (Traditional of Taiwan to Simplified) writes 擡头 for 抬頭, and 什幺
# for 什么.
#
# Expected: 抬头, and a text that is Simplified already stays as it is, as OpenCC==1.4.2 does with the same configuration
# (1.1.9 does what this package does).
# Why it matters: who simplifies recognised speech with the configuration for Taiwan, since t2s leaves 看著 as it is, gets
# characters that neither Taiwan nor the mainland writes, in common words, and no error.
# Cause, read in the package's dictionaries: TWVariantsRev, which comes first, makes 擡 of 抬 and 幺 of 么; what follows
# does not take that back.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for package in opencc-python-reimplemented==0.1.7 OpenCC==1.4.2; do  # both are the module opencc: never in one place
    "${PYTHON:-python3}" -m venv "$folder/$package"
    "$folder/$package/bin/pip" install -q "$package"
    "$folder/$package/bin/python" - "$package" <<'PY'
import sys

from opencc import OpenCC

name = sys.argv[1].partition("==")[0]
texts = ["抬頭看", "為什麼", "什么", "看著"]
expected = {
    "opencc-python-reimplemented": ["擡头看", "为什么", "什幺", "看着"],
    "OpenCC": ["抬头看", "为什么", "什么", "看着"],
}[name]
converter = OpenCC("tw2s")
found = [converter.convert(text) for text in texts]
print(sys.argv[1], dict(zip(texts, found)))
assert found == expected, f"{name} has changed: {found}"
PY
done
