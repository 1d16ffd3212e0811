"""A data folder's splits as the settings ask for them, known from the manifest alone."""

from __future__ import annotations

from vn.data.manifest import Manifest
from vn.data.samples import Samples
from vn.errors import InputError
from vn.io.remote import Folder


class Splits:
    """The samples of each split.

    Args:
        folder: the data folder.
        limit: use only the first ones of each split; None uses all.
        evaluate_on: ``train`` validates and tests on the train split.

    Raises:
        InputError: there is no data folder, or its manifest is damaged.
    """

    def __init__(self, folder: Folder, limit: int | None = None, evaluate_on: str = "own") -> None:
        self.folder = folder
        self.limit = limit
        self.evaluate_on = evaluate_on
        self.manifest = Manifest.load(folder)

    def read(self, split: str) -> str:
        """The split of the folder that is read in place of a split."""
        return "train" if self.evaluate_on == "train" else split

    def samples(self, split: str) -> Samples:
        """The manifest's entries of a split's samples; there may be none."""
        return self.manifest.samples(self.read(split))[: self.limit]

    def entries(self, split: str) -> Samples:
        """The same; an empty split is an `InputError`."""
        entries = self.samples(split)
        if not entries:
            raise InputError(f"the {split} split is empty", file=self.folder / "manifest.json", field=f"splits.{split}")
        return entries
