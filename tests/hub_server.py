"""A small stand-in for the Hugging Face hub on loopback: repositories of models in memory, with commits."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

API = re.compile(r"/api/models/(?P<repo>[^/]+/[^/]+)(?:/(?P<what>revision|tree|preupload|commit)/(?P<rest>.+))?")
FILE = re.compile(r"/(?P<repo>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<path>.+)")


class HubServer:
    """Repositories by name, each a list of commits: a map of paths to bytes.

    Attributes:
        token: who may write; reading is free except from private repositories.
        private: names of private repositories.
        asked: method and path of every request.
    """

    token = "hf_" + "a" * 34

    def __init__(self) -> None:
        self.repositories: dict[str, list[dict[str, bytes]]] = {}
        self.private: set[str] = set()
        self.asked: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer()

            def do_HEAD(self) -> None:
                self._answer()

            def do_POST(self) -> None:
                self._answer()

            def _answer(self) -> None:
                path = unquote(urlsplit(self.path).path)
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                outer.asked.append(f"{self.command} {path}")
                known = self.headers.get("Authorization") == f"Bearer {outer.token}"
                status, headers, content = outer.answer(self.command, path, body, known)
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(content))}.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def commit(self, repository: str, files: dict[str, bytes]) -> str:
        """Add files in one commit; gives its hash."""
        commits = self.repositories.setdefault(repository, [])
        commits.append({**(commits[-1] if commits else {}), **files})
        return self.sha(repository, len(commits) - 1)

    def sha(self, repository: str, number: int) -> str:
        return hashlib.sha1(f"{repository} {number}".encode()).hexdigest()

    def answer(self, method: str, path: str, body: bytes, known: bool) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and content."""
        if path == "/api/repos/create":
            return self._create(json.loads(body), known)
        if path == "/api/validate-yaml":
            return _json({"errors": [], "warnings": []})
        found = FILE.fullmatch(path) or API.fullmatch(path)
        if found is None:
            return _json({"error": f"the stand-in has no {method} {path}"}, 404)
        name, asked = found["repo"], found.groupdict()
        if name not in self.repositories or (name in self.private and not known):
            return _json({"error": "Repository not found"}, 401, {"X-Error-Code": "RepoNotFound"})
        what = asked.get("what")
        revision = asked.get("revision") or (asked.get("rest") or "main").split("/")[0]
        if what in ("preupload", "commit"):
            if not known:
                return _json({"error": "Forbidden"}, 403)
            return self._preupload(body) if what == "preupload" else self._commit(name, body)
        number = self._number(name, revision)
        if number is None:
            return _json({"error": "Revision not found"}, 404, {"X-Error-Code": "RevisionNotFound"})
        files, sha = self.repositories[name][number], self.sha(name, number)
        if "path" in asked:
            content = files.get(asked["path"])
            if content is None:
                return _json({"error": "Entry not found"}, 404, {"X-Error-Code": "EntryNotFound"})
            return 200, {"ETag": f'"{_blob(content)}"', "X-Repo-Commit": sha, "Accept-Ranges": "none"}, content
        if what == "tree":
            return _json(
                [{"type": "file", "path": p, "size": len(c), "oid": _blob(c)} for p, c in sorted(files.items())]
            )
        return _json({"id": name, "sha": sha, "private": name in self.private, "siblings": [], "tags": []})

    def _number(self, name: str, revision: str) -> int | None:
        commits = range(len(self.repositories[name]))
        if revision == "main":
            return commits[-1] if commits else None
        return next((n for n in commits if self.sha(name, n) == revision or revision == f"v{n + 1}"), None)

    def _create(self, asked: dict, known: bool) -> tuple[int, dict[str, str], bytes]:
        if not known:
            return _json({"error": "Unauthorized"}, 401)
        name = f"{asked['organization']}/{asked['name']}"
        if name in self.repositories:
            return _json({"error": "exists", "url": f"{self.url}/{name}"}, 409)
        self.repositories[name] = []
        self.commit(name, {".gitattributes": b""})
        if asked.get("visibility") == "private" or asked.get("private"):
            self.private.add(name)
        return _json({"url": f"{self.url}/{name}", "name": name, "id": name})

    def _preupload(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        files = [
            {"path": each["path"], "uploadMode": "regular", "shouldIgnore": False, "oid": None}
            for each in json.loads(body)["files"]
        ]
        return _json({"files": files})

    def _commit(self, name: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        files = {}
        for line in body.decode().splitlines():
            each = json.loads(line)
            if each["key"] == "file":
                files[each["value"]["path"]] = base64.b64decode(each["value"]["content"])
        sha = self.commit(name, files)
        return _json({"commitUrl": f"{self.url}/{name}/commit/{sha}", "commitOid": sha, "success": True})


def _blob(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def _json(value: object, status: int = 200, headers: dict[str, str] | None = None) -> tuple[int, dict[str, str], bytes]:
    return status, {"Content-Type": "application/json", **(headers or {})}, json.dumps(value).encode()
