"""What scoring keeps in its cache beside embeddings and answers: whatever else would need a model only to name it.

An entry that is damaged, or a cache that cannot be read or written, costs time and never an error or another number.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from vn.errors import InputError
from vn.io.disk_cache import DiskCache
from vn.io.hashes import hash_file, hash_folder

CHECKSUM = 16  # bytes before a value
CONFIGURATION = (".json", ".txt", ".model")  # how files end that say how a model's texts and frames are prepared


def kept(cache: DiskCache, maker: str, text: str, make: Callable[[], bytes]) -> bytes:
    """What is in the cache, or else what `make` gives, which is then kept.

    Args:
        cache: the cache; a read-only or damaged one is as if it were empty.
        maker: with `text` everything that the value depends on.
        text: see `maker`.
        make: makes the value; what it raises is not kept.
    """
    try:
        found = cache.get(maker, [text]).get(text, b"")
    except InputError:
        found = b""
    if len(found) >= CHECKSUM and found[:CHECKSUM] == _checksum(found[CHECKSUM:]):
        return found[CHECKSUM:]
    value = make()
    with suppress(InputError, OSError):
        cache.put(maker, {text: _checksum(value) + value})
    return value


def kept_weights(cache: DiskCache, place: Path, packages: Iterable[str], load: Callable[[], str]) -> str:
    """The hash of a model's weights in memory, kept by the files that it is loaded from.

    Args:
        cache: where it is kept.
        place: the model's folder or file.
        packages: distributions that load it, whose versions count as well.
        load: loads the model and gives the hash.

    Raises:
        InputError: files were changed meanwhile.
    """
    before = _listed(place)
    content = hash_folder(place) if place.is_dir() else hash_file(place)

    def make() -> bytes:
        weights = load()
        if _listed(place) != before:
            raise InputError("its files changed while they were read", file=place)
        return weights.encode()

    return kept(cache, f"weights {versions(packages)}", f"{before} {content}", make).decode()


def beside_weights(place: Path) -> str:
    """A hash of what a model's folder has besides weights, such as its tokenizer; of nothing for a name on the hub."""
    found = hashlib.sha256()
    for file in sorted(place.iterdir()) if place.is_dir() else ():
        if file.suffix in CONFIGURATION:
            found.update(f"{file.name} {hash_file(file)}\n".encode())
    return found.hexdigest()


def versions(packages: Iterable[str]) -> str:
    """The installed versions of distributions, as a part of a key."""
    found = []
    for package in packages:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"no {package}")
    return " ".join(found)


def _listed(place: Path) -> list[tuple[str, int, int]]:
    """Name, size and time of each file, in nanoseconds."""
    files = sorted(place.iterdir()) if place.is_dir() else [place]
    return [(file.name, stat.st_size, stat.st_mtime_ns) for file in files if (stat := file.stat()) and file.is_file()]


def _checksum(value: bytes) -> bytes:
    return hashlib.sha256(value).digest()[:CHECKSUM]
