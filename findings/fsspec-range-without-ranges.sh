#!/usr/bin/env bash
# 2026-11-27. fsspec==2026.9.0, aiohttp==3.14.5: cat_file of bytes 10 to 20 over HTTP returns the whole file if the server
# does not serve ranges, without an error or a warning.
#
# Expected: ten bytes, or an error; `start` and `end` are documented as the bytes to get.
# Why it matters: a reader that trusts the answer takes the file's first bytes for those in its middle, and each small read
# of a large file transfers all of it.
# Cause, read in the source: HTTPFileSystem._cat_file sets the Range header and reads the body without looking whether the
# status is 206. A reader has to check status, Content-Range and length itself.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/env"
"$folder/env/bin/pip" install -q 'fsspec==2026.9.0' 'aiohttp==3.14.5'
"$folder/env/bin/python" - <<'PY'
import importlib.metadata
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import fsspec

CONTENT = bytes(range(100))


class NoRanges(BaseHTTPRequestHandler):
    """Sends the whole file with 200, as a server may."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT)

    def log_message(self, *args):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), NoRanges)
threading.Thread(target=server.serve_forever, daemon=True).start()
print("fsspec", importlib.metadata.version("fsspec"), "aiohttp", importlib.metadata.version("aiohttp"))
files = fsspec.filesystem("http")
data = files.cat_file(f"http://127.0.0.1:{server.server_port}/x", start=10, end=20)
print("asked for bytes 10 to 20, got", len(data), "bytes from byte", data[0])
assert len(data) == 100, "fsspec has changed: it no longer returns the whole file"
PY
