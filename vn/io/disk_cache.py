"""Caches what was encoded or judged: a SQLite file, written as work goes on, so that a kill loses nothing."""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from vn.errors import InputError

AT_ONCE = 500  # keys per query; SQLite allows 999 in the oldest versions
WAIT = 60.0  # seconds for another process that writes


class DiskCache:
    """Bytes by maker and text; a key is a hash of both.

    Args:
        file: the file, created at the first entry; None keeps entries in memory.
    """

    def __init__(self, file: str | Path | None = None) -> None:
        self.file = file
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def get(self, maker: str, texts: Sequence[str]) -> dict[str, bytes]:
        """What `maker` made of these texts, for those in the cache.

        Raises:
            InputError: the file is damaged or cannot be read.
        """
        keys = {_key(maker, text): text for text in texts}
        found: dict[str, bytes] = {}
        if self._connection is None and self.file is not None and not Path(self.file).exists():
            return found
        with self._open() as connection:
            names = list(keys)
            for start in range(0, len(names), AT_ONCE):
                part = names[start : start + AT_ONCE]
                query = f"SELECT key, value FROM entries WHERE key IN ({','.join('?' * len(part))})"
                found.update((keys[key], value) for key, value in connection.execute(query, part))
        return found

    def put(self, maker: str, entries: Mapping[str, bytes]) -> None:
        """Keep what `maker` made of texts; on disk when this returns.

        Raises:
            InputError: the file is damaged or cannot be written.
        """
        with self._open() as connection:
            rows = [(_key(maker, text), value) for text, value in entries.items()]
            connection.executemany("INSERT OR REPLACE INTO entries VALUES (?, ?)", rows)
            connection.commit()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                if self._connection is None:
                    if self.file is not None:
                        Path(self.file).parent.mkdir(parents=True, exist_ok=True)
                    self._connection = sqlite3.connect(self.file or ":memory:", WAIT, check_same_thread=False)
                    self._connection.execute("CREATE TABLE IF NOT EXISTS entries (key BLOB PRIMARY KEY, value BLOB)")
                yield self._connection
            except sqlite3.Error as error:
                raise InputError(
                    f"the cache cannot be used ({error}); delete it to begin again", file=self.file
                ) from None


def _key(maker: str, text: str) -> bytes:
    return hashlib.sha256(f"{maker}\0{text}".encode(errors="surrogatepass")).digest()
