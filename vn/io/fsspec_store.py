"""A folder in an object store, by fsspec's interface: S3; also Google's and the Hugging Face hub, which no test has."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from typing import Any, BinaryIO, TypeVar

from vn.errors import InputError
from vn.extras import pip_command
from vn.io.retries import PATIENCE, Patience, Transient
from vn.io.stores import PIECE, MissingFile, too_large, too_short

Result = TypeVar("Result")
# What no repetition mends: a wrong name, a request that the store does not know or does not allow.
LASTING = (errno.EINVAL, errno.EPERM, errno.ENOSYS, errno.EMSGSIZE, errno.ENAMETOOLONG)
NEEDS = {"s3": pip_command("s3"), "gs": "pip install gcsfs", "hf": "pip install huggingface_hub"}  # scheme -> command


class FsspecStore:
    """Files below a URL of an object store; credentials are those that its library finds.

    Args:
        url: the folder's URL.
        patience: timeouts; None for the default.

    Raises:
        InputError: the library is not installed.
    """

    def __init__(self, url: str, patience: Patience | None = None) -> None:
        self._url = url
        self._scheme, _, self._root = url.partition("://")
        self._patience = patience
        self._fs: Any = None
        self._of: int | None = None  # the process that made it: its connections are not shared with a forked worker
        self._files()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_fs": None, "_of": None}

    def _files(self) -> Any:
        if self._of != os.getpid():
            patience = self._patience or PATIENCE
            options: dict[str, Any] = {"use_listings_cache": False, "skip_instance_cache": True}
            if self._scheme == "s3":
                once = {"max_attempts": 1, "mode": "standard"}
                options["config_kwargs"] = {"read_timeout": patience.timeout, "connect_timeout": 20, "retries": once}
            try:
                import fsspec

                self._fs = fsspec.filesystem(self._scheme, **options)
            except ImportError:
                message = f"needs a package that is not installed: {NEEDS[self._scheme]}"
                raise InputError(message, file=self._url) from None
            if self._scheme == "s3":
                self._fs.retries = 1  # pauses and repetitions are `vn.io.retries`'
            self._of = os.getpid()
        return self._fs

    def read(self, name: str, start: int, size: int) -> bytes:
        """See `Store.read`."""
        data: bytes = self._call(name, "cat_file", self._path(name), size=size, start=start, end=start + size)
        if len(data) < size and start + len(data) >= (self.size(name) or 0):
            raise too_short(f"{self._url}/{name}", start, size)
        if len(data) != size:
            raise Transient(f"{len(data)} instead of {size} bytes arrived")
        return data

    def download(self, name: str, file: BinaryIO, most: int) -> None:
        """See `Store.download`."""
        size = self.size(name)
        if size is None:
            raise MissingFile("no such file", file=f"{self._url}/{name}")
        if size > most:
            raise too_large(f"{self._url}/{name}", most)
        file.seek(0)
        file.truncate()
        while file.tell() < size:
            file.write(self.read(name, file.tell(), min(16 * PIECE, size - file.tell())))

    def size(self, name: str) -> int | None:
        """See `Store.size`."""
        try:
            return int(self._call(name, "info", self._path(name))["size"])
        except MissingFile:
            return None

    def names(self, folder: str) -> list[str]:
        """See `Store.names`."""
        try:
            found = self._call(folder, "ls", self._path(folder), detail=False)
        except MissingFile:
            return []
        names = (str(path).rpartition("/")[2] for path in found)
        return sorted(name for name in names if name)  # without a name: an empty object that marks the folder

    def write(self, name: str, data: bytes, new: bool) -> bool:
        """See `Store.write`."""
        if new and self.size(name) is not None:
            return False
        try:
            # Two that write at the same time: one is refused by the store, if it knows conditions, as S3 does.
            mode = {"mode": "create"} if new and self._scheme in ("s3", "gs") else {}
            self._call(name, "pipe_file", self._path(name), data, size=len(data), **mode)
        except FileExistsError:
            return False
        except MissingFile:
            raise InputError("cannot be written: there is no such bucket", file=self._url) from None
        return True

    def upload(self, name: str, path: str) -> None:
        """See `Store.upload`."""
        size = os.path.getsize(path)
        self._call(name, "put_file", path, self._path(name), size=size)
        if self.size(name) != size:
            raise Transient(f"not all of its {size} bytes were stored")

    def remove(self, name: str) -> None:
        """See `Store.remove`."""
        if self.size(name) is not None:
            self._call(name, "rm_file", self._path(name))

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}" if name else self._root

    def _call(self, name: str, method: str, *args: Any, size: int = 0, **kwargs: Any) -> Any:
        """A method of the file system, with a limit of time if it has one, and its errors as ours."""
        fs, place = self._files(), f"{self._url}/{name}"
        limit = (self._patience or PATIENCE).limit(size)

        def call() -> Any:
            if fs.async_impl:
                from fsspec.asyn import sync

                return sync(fs.loop, getattr(fs, f"_{method}"), *args, timeout=limit, **kwargs)
            return getattr(fs, method)(*args, **kwargs)

        return _with_our_errors(call, place, limit)


def _with_our_errors(call: Callable[[], Result], place: str, limit: float) -> Result:
    """What a call returns; a failure is `Transient`, unless no repetition mends it."""
    try:
        return call()
    except FileExistsError:
        raise
    except FileNotFoundError:
        raise MissingFile("no such file", file=place) from None
    except PermissionError as error:
        message = f"the store does not allow this: {error.strerror or error or 'no permission'}; are there credentials?"
        raise InputError(message, file=place) from None
    except TimeoutError:
        raise Transient(f"the store does not answer in {limit:.0f} s") from None
    except (NotImplementedError, TypeError, AttributeError, MemoryError):
        raise
    except OSError as error:
        if _status(error) == 412:  # a condition was not met: somebody else was first
            raise FileExistsError(place) from None
        if error.errno in LASTING and _status(error) not in (429, 500, 502, 503, 504):
            raise InputError(f"the store refuses: {error.strerror or error}", file=place) from None
        raise Transient(_why(error), _retry_after(error)) from None
    except Exception as error:
        if "Credentials" in type(error).__name__:
            raise InputError(f"no credentials were found ({type(error).__name__})", file=place) from None
        raise Transient(_why(error), _retry_after(error)) from None


def _answer(error: BaseException) -> dict[str, Any]:
    """What botocore has kept of a store's answer; empty if it came to none."""
    cause: BaseException | None = error
    while cause is not None:
        response = getattr(cause, "response", None)
        if isinstance(response, dict):
            return dict(response.get("ResponseMetadata") or {})
        cause = cause.__cause__
    return {}


def _status(error: BaseException) -> int | None:
    return _answer(error).get("HTTPStatusCode")


def _retry_after(error: BaseException) -> float | None:
    value = _answer(error).get("HTTPHeaders", {}).get("retry-after", "")
    return float(value) if value.isdigit() else None


def _why(error: Exception) -> str:
    """A failure in a few words: a library's may hold the URL and its signature."""
    status = _status(error)
    what = getattr(error, "strerror", None) or type(error).__name__
    return f"the store answers {status} ({what})" if status else f"the connection failed ({type(error).__name__})"
