"""Data folders on other machines, read by ranges through a cache: what `pathlib.Path` is to those on this one.

`open_folder` gives a `Path` for a path, which nothing here changes, and a `RemoteFolder` for a URL. Both give a file by
``folder / name``, and their text is what messages show. `read_range` and `fetch` take either kind of file.
"""

from __future__ import annotations

import hashlib
import io
import logging
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from vn.errors import InputError
from vn.io import cache
from vn.io.ahead import Ahead
from vn.io.file_cache import FileCache, Held
from vn.io.ranges import Ranges
from vn.io.retries import Patience, retried
from vn.io.stores import Store, WholeFile
from vn.io.urls import SCHEMES, given, is_url, recorded

Result = TypeVar("Result")
logger = logging.getLogger(__name__)

CACHE_GB = 20.0
MOST = 1 << 50  # bytes of any file
SMALL = 1 << 30  # bytes of a file that is fetched without knowing its size: a manifest
BEGINNING = 1 << 14  # bytes of the first read of a file that is read member by member


class RemoteFolder:
    """A data folder behind a URL.

    Args:
        url: its URL; `given` finds its user, password and query again if they were taken off.
        store: sends the requests; None for the one of the URL's scheme.
        cache: the folder of copies; None for the default, shared by all projects.
        cache_gb: gigabytes that all copies may have together.
        patience: how long requests are waited for and repeated; None for the default.

    Attributes:
        name: the URL without secrets.
        lists_files: whether `names` can be asked.
    """

    def __init__(
        self,
        url: str,
        store: Store | None = None,
        cache_folder: str | Path | None = None,
        cache_gb: float = CACHE_GB,
        patience: Patience | None = None,
    ) -> None:
        self.name = recorded(url)
        self.patience = patience
        self.store = store or _store(self.name, patience)
        folder = Path(cache_folder) if cache_folder is not None else cache.CACHE / "data"
        self.cache = FileCache(folder, int(cache_gb * 1e9))
        self._known: dict[str, tuple[str, int]] = {}  # file -> its sha256 and size
        self.lists_files = not self.name.startswith("http")
        self._no_ranges = False
        self._ahead = Ahead()
        self._held = Held()
        self._sound: set[str] = set()  # copies of whole files whose checksum this process has found right

    def __truediv__(self, name: str) -> RemoteFile:
        return RemoteFile(self, name)

    def __str__(self) -> str:
        return self.name

    def expect(self, files: Iterable[tuple[str, str, int]]) -> None:
        """State what files hold: name, sha256 and bytes, from the manifest. Parts of others are not cached."""
        self._known.update({name: (sha256, size) for name, sha256, size in files})

    def names(self, folder: str = "") -> list[str]:
        """The names of the files in it, or in a folder inside it."""
        return retried(lambda: self.store.names(folder), f"{self.name}/{folder}", self.patience)

    # -- parts of files -----------------------------------------------------------------------------------------

    def read(self, name: str, start: int, size: int, crc32: int | None = None) -> bytes:
        """See `RemoteFile.read_range`."""
        key, size = self._key(name, start, size)
        waiting = self._ahead.take(key)
        return waiting if waiting is not None else self._read(name, start, size, crc32)

    def at_hand(self, name: str, start: int, size: int, crc32: int | None = None) -> bytes | None:
        """A range that was read ahead or is in the cache; None if it would have to be asked for."""
        key, size = self._key(name, start, size)
        waiting = self._ahead.look(key)
        return waiting if waiting is not None else self._cached(key, size, crc32)

    def read_ahead(self, name: str, start: int, size: int, crc32: int | None = None) -> None:
        """Begin to read a range that will be asked for soon.

        Not one in the cache: a thread that reads a disk waits longer for its turn with Python than for the disk.
        """
        key, size = self._key(name, start, size)
        if not self.cache.path(key).exists():
            self._ahead.begin(key, size, lambda: self._read(name, start, size, crc32))

    def _key(self, name: str, start: int, size: int) -> tuple[str, int]:
        """The key of a range in the cache, and its size within the file."""
        sha256, most = self._known.get(name, ("", start + size))  # with the URL: another server may send other bytes
        return f"{sha256}:{self.name}/{name}:{start}:{size}", max(0, min(size, most - start))

    def _cached(self, key: str, size: int, crc32: int | None) -> bytes | None:
        data = self.cache.get(key)
        if data is not None and (len(data) != size or (crc32 is not None and zlib.crc32(data) != crc32)):
            self.cache.drop(key)  # a disk's fault, or a power cut: it is fetched again
            return None
        return data

    def _read(self, name: str, start: int, size: int, crc32: int | None) -> bytes:
        key, size = self._key(name, start, size)
        if size == 0:  # no request can ask for nothing
            return b""
        if self._no_ranges:
            return self.read_whole(name, start, size)
        if name not in self._known:
            return self._request(name, start, size, crc32)
        data = self._cached(key, size, crc32)
        if data is None:
            with self.cache.fetching(key):
                data = self._cached(key, size, crc32)
                if data is None:
                    data = self._request(name, start, size, crc32)
                    self.cache.put(key, data)
        return data

    def _request(self, name: str, start: int, size: int, crc32: int | None) -> bytes:
        place = f"{self.name}/{name}"
        try:
            data = retried(lambda: self.store.read(name, start, size), place, self.patience)
            if crc32 is not None and zlib.crc32(data) != crc32:  # spoilt on the way, or what is there is spoilt
                data = retried(lambda: self.store.read(name, start, size), place, self.patience)
        except WholeFile:
            if not self._no_ranges:
                logger.warning("%s: the server does not serve ranges: whole shards are fetched", self.name)
            self._no_ranges = True
            return self.read_whole(name, start, size)
        if crc32 is not None and zlib.crc32(data) != crc32:
            raise _replaced(place)
        return data

    def read_whole(self, name: str, start: int, size: int) -> bytes:
        """See `RemoteFile.read_whole`."""
        try:
            with self.fetch(name, hold=False).open("rb") as file:
                file.seek(start)
                return file.read(size)
        except FileNotFoundError:  # removed for another one meanwhile
            return self.read_whole(name, start, size)

    # -- whole files --------------------------------------------------------------------------------------------

    def fetch(self, name: str, sha256: str | None = None, size: int | None = None, hold: bool = True) -> Path:
        """See `RemoteFile.fetch`; without `hold` the copy may be removed at any time."""
        sha256, size = (sha256, size) if sha256 else self._known.get(name, (None, size))
        if sha256 is None:
            return self._fetch_new(name)
        if size is None and not self.cache.path(sha256).is_file():
            return self._fetch_new(name, sha256)
        return self._keep(sha256, size or 0, lambda file: self._download(name, file, size or SMALL, sha256), hold)

    def _fetch_new(self, name: str, sha256: str | None = None) -> Path:
        """A file of unknown size; one of which nothing is known is asked for each time, since it may have changed."""
        data = io.BytesIO()
        sha256 = self._download(name, data, SMALL, sha256)
        return self._keep(sha256, len(data.getbuffer()), lambda file: file.write(data.getbuffer()), hold=True)

    def _download(self, name: str, file: BinaryIO, most: int, sha256: str | None) -> str:
        place = f"{self.name}/{name}"
        retried(lambda: self.store.download(name, file, most), place, self.patience)
        found = _sha256(file)
        if sha256 is not None and found != sha256:
            raise _replaced(place)
        return found

    def _keep(self, sha256: str, size: int, fill: Callable[[BinaryIO], object], hold: bool) -> Path:
        """The copy of a file with this checksum, which is written if it is not there or not sound."""
        path = self.cache.path(sha256)
        with self.cache.fetching(sha256):
            if sha256 not in self._sound and path.is_file():
                with path.open("rb") as file:
                    if _sha256(file) != sha256:
                        self.cache.drop(sha256)
            if not path.is_file():
                self.cache.add(sha256, size, fill)
            self._sound.add(sha256)
            self.cache.use(sha256)
            if hold and not self._held.add(path):  # removed for another one meanwhile
                self.cache.add(sha256, size, fill)
                self._held.add(path)
        return path


class RemoteFile:
    """A file of a `RemoteFolder`; its text is its URL without secrets.

    Args:
        folder: the folder.
        name: the file's path inside it.
    """

    def __init__(self, folder: RemoteFolder, name: str) -> None:
        self.folder = folder
        self.name = name

    def __str__(self) -> str:
        return f"{self.folder}/{self.name}"

    def read_range(self, start: int, size: int, crc32: int | None = None) -> bytes:
        """Some bytes, from the cache if they are there; fewer only if the manifest's file ends before.

        Args:
            start: the first byte.
            size: their number.
            crc32: their checksum, which is checked; None if it is not known.

        Raises:
            InputError: the file is missing, cannot be reached, ends before, or holds something else.
        """
        return self.folder.read(self.name, start, size, crc32)

    def read_whole(self, start: int, size: int) -> bytes:
        """The same from the whole file, which is fetched, and checked, if it is not in the cache."""
        return self.folder.read_whole(self.name, start, size)

    def at_hand(self, start: int, size: int, crc32: int | None = None) -> bytes | None:
        """The same if no request is needed; else None."""
        return self.folder.at_hand(self.name, start, size, crc32)

    def read_ahead(self, start: int, size: int, crc32: int | None = None) -> None:
        """Begin to read what will be asked for soon."""
        self.folder.read_ahead(self.name, start, size, crc32)

    def open(self) -> BinaryIO:
        """The file for reading from any position, a little more than is asked for at a time."""
        return io.BufferedReader(Ranges(self.read_range), BEGINNING)

    def fetch(self, sha256: str | None = None, size: int | None = None) -> Path:
        """A copy of the whole file on this machine, which remains as long as the process.

        Args:
            sha256: its checksum, which is checked; None: what the folder expects, else the file is fetched again
                each time, since it may have changed.
            size: its bytes, if known.

        Raises:
            InputError: see `read_range`; or the cache has no room for it.
        """
        return self.folder.fetch(self.name, sha256, size)

    def size(self) -> int | None:
        """Its bytes; None if there is no such file."""
        return self._retried(lambda: self.folder.store.size(self.name))

    def read_new(self) -> bytes:
        """The whole small file as it is now, past the cache."""
        data = io.BytesIO()
        self._retried(lambda: self.folder.store.download(self.name, data, SMALL))
        return data.getvalue()

    def download(self, path: Path, most: int) -> None:
        """Write the whole file as it is now to a path, past the cache."""
        with path.open("w+b") as file:
            self._retried(lambda: self.folder.store.download(self.name, file, most))

    def write(self, data: bytes, new: bool = False) -> bool:
        """Write it at once; with `new` only if there is none yet, and whether it was written."""
        return self._retried(lambda: self.folder.store.write(self.name, data, new))

    def put(self, path: Path) -> None:
        """Write it from a file of this machine; readers see the old one or the new one, never a part."""
        self._retried(lambda: self.folder.store.upload(self.name, str(path)))

    def remove(self) -> None:
        """Remove it, if it is there."""
        self._retried(lambda: self.folder.store.remove(self.name))

    def _retried(self, request: Callable[[], Result]) -> Result:
        return retried(request, str(self), self.folder.patience)


Folder = Path | RemoteFolder
File = Path | RemoteFile


def open_folder(place: str | Path | RemoteFolder, **options: Any) -> Folder:
    """A data folder by its path or URL.

    Args:
        place: the path, or a URL ``s3://``, ``https://``, ``http://``, ``gs://`` or ``hf://``; an open folder remains
            what it is.
        options: those of `RemoteFolder`; a path needs none.

    Raises:
        InputError: the URL is of another kind, or needs a package that is not installed.
    """
    if isinstance(place, Path | RemoteFolder):
        return place
    return RemoteFolder(place, **options) if is_url(place) else Path(place)


def read_range(file: File, start: int, size: int, crc32: int | None = None) -> bytes:
    """Some bytes of a file of either kind; see `RemoteFile.read_range`. A path's checksum is not checked.

    Raises:
        OSError: the path cannot be read.
        InputError: the remote file cannot.
    """
    if isinstance(file, RemoteFile):
        return file.read_range(start, size, crc32)
    with file.open("rb") as opened:
        opened.seek(start)
        return opened.read(size)


def fetch(file: File, sha256: str | None = None, size: int | None = None) -> Path:
    """A file of either kind as one of this machine: a path as it is, else a copy; see `RemoteFile.fetch`."""
    return file if isinstance(file, Path) else file.fetch(sha256, size)


@contextmanager
def local_copy(file: File) -> Iterator[Path]:
    """A file of either kind as a path: of a remote one a copy as it is now, past the cache, that is then removed.

    Raises:
        InputError: a remote file is missing or cannot be reached, or the copy cannot be written.
    """
    if isinstance(file, Path):
        yield file
        return
    with tempfile.TemporaryDirectory(prefix="vn-") as folder:
        path = Path(folder) / "copy"
        try:
            file.download(path, MOST)
        except OSError as error:
            raise InputError(f"no room for a copy: {error.strerror or error}", file=folder) from None
        yield path


def _store(name: str, patience: Patience | None) -> Store:
    scheme = name.partition("://")[0]
    if scheme in ("http", "https"):
        from vn.io.http_store import HttpStore

        return HttpStore(given(name), name, patience)
    if scheme not in SCHEMES:
        raise InputError(f"expected a path, or a URL with {', '.join(f'{s}://' for s in SCHEMES)}", file=name)
    if given(name) != name:
        message = "takes no user, password or query: credentials come from the store's own files and variables"
        raise InputError(message, file=name)
    from vn.io.fsspec_store import FsspecStore

    return FsspecStore(name, patience)


def _sha256(file: BinaryIO) -> str:
    file.flush()
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]


def _replaced(place: str) -> InputError:
    message = "does not match the manifest's checksum: it was damaged, or replaced after vn prepare wrote it"
    return InputError(message, file=place)
