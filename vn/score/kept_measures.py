"""Measures of a test that were taken before: kept in the cache by everything that they depend on."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Collection
from functools import cached_property
from pathlib import Path

from vn.errors import Findings
from vn.io.hashes import hash_folder
from vn.metrics.tokenisation import DEFAULT, Tokenisation
from vn.metrics.user_dictionary import CHOICES
from vn.score.kept import kept, versions
from vn.score.predictions import Test
from vn.score.serialise import code, digest, from_bytes, to_bytes, words_named
from vn.score.settings import ScoreSettings
from vn.score.sums import Measured

LLM_IDS = "llm-ids:"
# Besides those of `vn.score.serialise`: what reads a tokenizer's folder.
READERS = ("tokenizers", "transformers", "sentencepiece")


class KeptMeasures:
    """Takes groups of measures, or finds them.

    Metrics of other packages and judges' labels are not kept here: the former's code may change, the latter are counted
    each time (answers asked for, answers found).

    Args:
        test: what is measured.
        settings: how, and the cache.
        names: the metrics that are measured.
        findings: takes what was found while measuring, now or then.
    """

    def __init__(self, test: Test, settings: ScoreSettings, names: Collection[str], findings: Findings) -> None:
        self._test, self._settings, self._names, self._findings = test, settings, sorted(names), findings

    def __call__(self, group: str, take: Callable[[Findings], Measured]) -> Measured:
        """The measures of a group.

        Args:
            group: name of the group, with what it depends on besides the test and the settings.
            take: measures it, and adds to the findings that it gets.
        """
        cache = self._settings.models.cache
        if cache.file is None or isinstance(self._settings.tokenisation, Tokenisation):
            return take(self._findings)
        now: list[tuple[Measured, list[str]]] = []

        def make() -> bytes:
            found = Findings()
            measured = take(found)
            now.append((measured, found.lines))
            head = json.dumps(found.lines).encode()
            return len(head).to_bytes(8, "big") + head + to_bytes(measured, self._test)

        value = kept(cache, self._way, f"{group} {self._digest}", make)
        if now:
            measured, lines = now[0]
        else:
            ends = 8 + int.from_bytes(value[:8], "big")
            measured, lines = from_bytes(value[ends:], self._test), json.loads(value[8:ends])
        self._findings.lines += [line for line in lines if line not in self._findings.lines]
        return measured

    @cached_property
    def _digest(self) -> str:
        return digest(self._test)

    @cached_property
    def _way(self) -> str:
        """What measures depend on besides the test, if nothing is read but the files that settings name."""
        settings = self._settings
        name = str(settings.tokenisation or DEFAULT[self._test.language])
        if name.startswith(LLM_IDS) and (folder := Path(name.removeprefix(LLM_IDS))).is_dir():
            files = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in sorted(folder.iterdir())]
            name = f"{name} {files} {hash_folder(folder)} {versions(READERS)}"
        words = words_named(settings.user_dictionary)
        if str(settings.user_dictionary) not in CHOICES:
            words += f" {settings.user_dictionary}"  # which findings name
        return f"kept {code()} {unicodedata.unidata_version} {name} {settings.meteor} {words} {self._names}"
