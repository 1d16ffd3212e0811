"""Where Piper is: a program of an environment of its own, with the voices that are installed beside it.

Piper is under the GPL, so it is called as a program and never imported.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from vn.environment import piper_program
from vn.errors import InputError

HOW = "pip install piper-tts in an environment of its own, and name its program: --piper ENVIRONMENT/bin/piper"


@dataclass(frozen=True, slots=True)
class Program:
    """The program.

    Attributes:
        words: how it is called.
        version: version of its package; ``unknown`` if that is not beside it.
        packages: folders of packages of its environment.
    """

    words: tuple[str, ...]
    version: str
    packages: tuple[Path, ...]


def find_program(given: str | None) -> Program:
    """Find the program: what is given, that of ``VN_PIPER``, or ``piper``.

    Raises:
        InputError: there is none.
    """
    wanted = given or piper_program() or "piper"
    path = shutil.which(wanted)
    if path is None:
        raise InputError(f"no program {wanted}: {HOW}")
    place = Path(path).absolute()
    words = (str(place), "-I", "-m", "piper") if place.name.startswith("python") else (str(place),)
    packages = tuple(sorted(place.parent.parent.glob("lib/python3*/site-packages")))
    versions = [each.name.split("-")[1] for folder in packages for each in folder.glob("piper_tts-*.dist-info")]
    return Program(words, versions[0].removesuffix(".dist") if versions else "unknown", packages)


def installed_voices(program: Program) -> dict[str, Path]:
    """Voices that packages of its environment have: name of the file without its ending -> file."""
    found = (file for folder in program.packages for depth in ("*", "*/*") for file in folder.glob(f"{depth}/*.onnx"))
    return {file.stem: file for file in found if Path(f"{file}.json").is_file()}


def find_voice(name: str, program: Program) -> Path:
    """A voice's file: a path, or an installed voice by its name, a part of it (``joe``) or its package.

    Raises:
        InputError: there is none, several, or its ``.onnx.json`` is missing.
    """
    if name.endswith(".onnx"):
        if not Path(name).is_file() or not Path(f"{name}.json").is_file():
            missing = name if not Path(name).is_file() else f"{name}.json"
            raise InputError("no such file; a voice of Piper is FILE.onnx with FILE.onnx.json beside it", file=missing)
        return Path(name).absolute()
    voices = installed_voices(program)
    package = name.replace("-", "_")
    found = [v for stem, v in voices.items() if stem == name] or [
        voice for stem, voice in voices.items() if name in stem.split("-") or package in voice.parts
    ]
    if len(found) != 1:
        there = ", ".join(sorted(voices)) or "none"
        problem = "several installed voices match" if found else "no installed voice matches"
        raise InputError(f"{problem} {name!r} in Piper's environment ({program.words[0]}); there are {there}")
    return found[0]
