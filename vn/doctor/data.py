"""Examines a data folder: every byte is hashed, every sample read, every number computed again."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vn.data.feature_statistics import Sums, statistics
from vn.data.manifest import Manifest
from vn.data.shard_entries import ShardEntry
from vn.data.shards import read_sample
from vn.errors import Findings, InputError
from vn.io.remote import File, Folder, local_copy

TOLERANCE = 1e-3  # for statistics, which are sums of many numbers, in standard deviations


def examine_data(folder: Folder, findings: Findings, on_shard: Callable[[str], None] = lambda name: None) -> Manifest:
    """Examine shards and manifest.

    Args:
        folder: the data folder.
        findings: takes problems: a shard that is missing, truncated, changed, or a copy of another one; a sample with
            another story, other counts, shapes or types, or with a frame that is not finite; statistics that are not
            those of the train split.
        on_shard: called before each shard with its name.

    Returns:
        The manifest.

    Raises:
        InputError: there is no manifest, or one that cannot be read.
    """
    manifest = Manifest.load(folder)
    owners = {shard.sha256: shard.file for shard in manifest.shards()}
    listed = Counter(shard.file for shard in manifest.shards())
    for name, count in listed.items():
        if count > 1:
            findings.add(f"{name} occurs {count} times", file=folder / "manifest.json", field="splits")
    for name in shard_names(folder):
        if name not in listed:
            findings.add("is in no split of the manifest", file=folder / name)
    sums = Sums.zero(manifest.width)
    whole = True
    for split, shards in manifest.splits.items():
        for shard in shards:
            on_shard(shard.file)
            try:
                with local_copy(folder / shard.file) as here:
                    each = _Shard(folder / shard.file, here, shard)
                    sound = _examine_bytes(each, owners, findings)
                    whole &= _examine_samples(each, manifest, sums if split == "train" else None, findings) and sound
            except InputError as error:  # a remote shard that is missing
                findings.add(str(error))
                whole = False
    if whole and sums.count:
        _examine_statistics(folder, manifest, sums, findings)
    return manifest


def shard_names(folder: Folder) -> list[str]:
    """The tar files in a data folder; none if its server does not list files."""
    if isinstance(folder, Path):
        return sorted(file.name for file in folder.glob("*.tar"))
    return [name for name in folder.names() if name.endswith(".tar")] if folder.lists_files else []


@dataclass(frozen=True, slots=True)
class _Shard:
    """A shard to examine.

    Attributes:
        file: what messages name.
        here: the file, or a copy of a remote one.
        entry: its entry in the manifest.
    """

    file: File
    here: Path
    entry: ShardEntry


def _examine_bytes(shard: _Shard, owners: dict[str, str], findings: Findings) -> bool:
    file, entry = shard.file, shard.entry
    try:
        size = shard.here.stat().st_size
        with shard.here.open("rb") as opened:
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        findings.add(error.strerror or "cannot be read", file=file)
        return False
    if digest == entry.sha256:
        return True
    if digest in owners:
        findings.add(f"holds {owners[digest]}: shards were swapped or copied over each other", file=file)
    elif size < entry.bytes:
        findings.add(f"is cut short: {size} of {entry.bytes} bytes", file=file)
    elif size > entry.bytes:
        findings.add(f"has {size - entry.bytes} bytes too many", file=file)
    else:
        findings.add("has changed since it was written (another sha256): at least one bit was flipped", file=file)
    return False


def _examine_samples(shard: _Shard, manifest: Manifest, sums: Sums | None, findings: Findings) -> bool:
    """Read every sample; adds the good ones to the sums of the train split."""
    file, sound = shard.file, True
    if not shard.here.is_file():
        return False
    for entry in shard.entry.samples:
        try:
            _, frames, seconds = read_sample(shard.here, entry, (manifest.tokens, manifest.width))
        except InputError as error:
            findings.add(str(error).replace(str(shard.here), str(file)))
            sound = False
            continue
        if np.any(np.diff(seconds) <= 0) or seconds[0] < 0:
            findings.add("its frames are not in time order", file=file, sample=entry.key, field="seconds.npy")
        if sums is not None:
            sums.add(frames)
    return sound


def _examine_statistics(folder: Folder, manifest: Manifest, sums: Sums, findings: Findings) -> None:
    found = statistics(sums)
    scale = found["std"]
    for name in ("mean", "std"):
        off = np.abs(manifest.statistics[name] - found[name]) / scale
        if off.max() > TOLERANCE:
            worst = int(off.argmax())
            findings.add(
                f"dimension {worst} is {manifest.statistics[name][worst]:.6g}, but that of the train split is "
                f"{found[name][worst]:.6g}",
                file=folder / "manifest.json",
                field=f"statistics.{name}",
            )
