#!/usr/bin/env bash
# 2026-11-27. jieba==0.42.1: a word with frequency 0 in the dictionary of one jieba.Tokenizer() is split in every other
# tokenizer of the process too, also in one that was made before and holds no user word at all.
#
# Expected: a Tokenizer of its own has a dictionary of its own; so the class is used, instead of the module's functions.
# Why it matters: two metrics with a dictionary each, in one process, change each other's words, and so the scores depend
# on which was computed first.
# Cause, read in the source: Tokenizer.add_word calls finalseg.add_force_split for frequency 0, and finalseg keeps one
# set for the module, which its Viterbi cut of unknown words looks into for everybody.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/env"
"$folder/env/bin/pip" install -q 'setuptools<81' 'jieba==0.42.1'
"$folder/env/bin/python" - <<'PY'
import importlib.metadata

import jieba

jieba.setLogLevel(60)
print("jieba", importlib.metadata.version("jieba"))
text = "他在杭研大厦上班"  # 杭研 is in no dictionary: the model of unknown words joins its characters
plain, other = jieba.Tokenizer(), jieba.Tokenizer()
before = list(plain.cut(text))
other.add_word("杭研", 0)
after = list(plain.cut(text))
print("before:", before)
print("after another tokenizer was given the word with frequency 0:", after)
assert "杭研" in before, "jieba has changed: the word is not joined"
assert "杭研" not in after, "jieba has changed: tokenizers no longer share what is split"
PY
