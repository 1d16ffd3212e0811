#!/usr/bin/env bash
# 2026-11-27. webdataset==1.0.2: with cache_dir, shards of the same file name in different folders share one copy, so that the
# second dataset silently reads the samples of the first.
#
# Expected: a copy of each URL; train/00000.tar and val/00000.tar are different files.
# Why it matters: validation and test then read training samples, and nothing shows it.
# Cause, read in the source: the copy is named by the last part of the URL (webdataset.cache.url_to_cache_name).
# Shards whose names differ across splits (train-00000.tar, val-00000.tar) are not affected within one dataset.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/env"
"$folder/env/bin/pip" install -q 'webdataset==1.0.2'
cd "$folder"
"$folder/env/bin/python" - <<'PY'
import functools
import importlib.metadata
import io
import tarfile
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import webdataset

for split in ("train", "val"):
    Path(split).mkdir()
    with tarfile.open(f"{split}/00000.tar", "w") as tar:
        data = f"a sample of {split}".encode()
        info = tarfile.TarInfo("sample.txt")
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory="."))
threading.Thread(target=server.serve_forever, daemon=True).start()
Path("cache").mkdir()


def read(split):
    url = f"http://127.0.0.1:{server.server_port}/{split}/00000.tar"
    (sample,) = webdataset.WebDataset(url, cache_dir="cache", shardshuffle=False, empty_check=False)
    return sample["txt"].decode()


print("webdataset", importlib.metadata.version("webdataset"))
first, second = read("train"), read("val")
print("train/00000.tar:", first)
print("val/00000.tar:", second)
print("in the cache:", sorted(str(path) for path in Path("cache").rglob("*") if path.is_file()))
assert first == "a sample of train"
assert second == "a sample of train", "webdataset has changed: each URL has a copy of its own"
PY
