"""Artifacts of the stand-in for W&B's server: written file by file, committed, and read again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

NOW = "2026-01-01T00:00:00Z"


class Artifacts:
    """The part of the server that keeps artifacts; `url` and `_project` are the server's."""

    url: str
    _project: Callable[[], dict[str, Any]]

    def __init__(self) -> None:
        self.artifacts: dict[str, dict[str, Any]] = {}
        self.blobs: dict[str, bytes] = {}

    # -- writing ------------------------------------------------------------------------------------------------

    def on_ArtifactType(self, v):
        return {"project": {"artifact": None}}

    def on_CreateArtifact(self, v):
        name = f"artifact{len(self.artifacts)}"
        self.artifacts[name] = {**v["input"], "state": "PENDING"}
        sequence = {"id": f"sequence-{name}", "latestArtifact": None}
        return {"createArtifact": {"artifact": {"id": name, "state": "PENDING", "artifactSequence": sequence}}}

    def on_CreateArtifactManifest(self, v):
        key = _manifest(v["artifactID"])
        file = {"id": key, "uploadUrl": f"{self.url}/upload/blob/{key}", "uploadHeaders": []}
        return {"createArtifactManifest": {"artifactManifest": {"id": key, "file": file}}}

    def on_CreateArtifactFiles(self, v):
        edges = []
        for file in v["input"]["artifactFiles"]:
            key = f"{file['artifactID']}/{file['name']}"
            node = {"storagePath": key, "uploadUrl": f"{self.url}/upload/blob/{key}", "uploadHeaders": []}
            edges.append({"node": {**node, "uploadMultipartUrls": None, "artifact": {"id": file["artifactID"]}}})
        return {"createArtifactFiles": {"files": {"edges": edges}}}

    def on_CommitArtifact(self, v):
        artifact = self.artifacts[v["artifactID"]]
        artifact["state"] = "COMMITTED"
        return {"commitArtifact": {"artifact": {"id": v["artifactID"], "digest": artifact["digest"]}}}

    # -- reading ------------------------------------------------------------------------------------------------

    def on_RunOutputArtifacts(self, v):
        """What a run logged, oldest first; all of it on one page."""
        nodes = [self._artifact(id) for id, a in self.artifacts.items() if a["runName"] == v["run"]]
        return {"project": {"run": {"artifacts": _page(nodes)}}}

    def on_ArtifactMembershipFiles(self, v):
        """The files of a version (`alias`) of a collection, each with the address where it lies."""
        ids = [id for id, a in self.artifacts.items() if _collection(a) == v["collection"]]
        id = ids[int(v["alias"].removeprefix("v"))]
        stored = {k.removeprefix(f"{id}/"): k for k in self.blobs if k.startswith(f"{id}/") and k != _manifest(id)}
        nodes = [self._file(name, key) for name, key in stored.items()]
        membership = {"files": _page(nodes)}
        return {"project": {"artifactCollection": {"__typename": "ArtifactSequence", "artifactMembership": membership}}}

    def _artifact(self, id: str) -> dict[str, Any]:
        artifact = self.artifacts[id]
        versions = [key for key, other in self.artifacts.items() if _collection(other) == _collection(artifact)]
        sequence = {"__typename": "ArtifactSequence", "name": _collection(artifact), "project": self._project()}
        return {
            **dict.fromkeys(("description", "metadata", "historyStep", "commitHash", "updatedAt")),
            **{"id": id, "__typename": "Artifact", "artifactSequence": sequence, "versionIndex": versions.index(id)},
            **{"artifactType": {"name": artifact["artifactTypeName"]}, "state": artifact["state"]},
            **{"digest": artifact["digest"], "createdAt": NOW, "tags": [], "aliases": []},
            **{"ttlDurationSeconds": -1, "ttlIsInherited": False, "size": 0, "fileCount": 0},
        }

    def _file(self, name: str, key: str) -> dict[str, Any]:
        url = f"{self.url}/blob/{key}"
        return {
            **dict.fromkeys(("storagePath", "mimetype", "updatedAt", "digest", "md5")),
            **{"id": key, "__typename": "File", "name": name, "url": url, "directUrl": url},
            "sizeBytes": len(self.blobs[key]),
        }


def _collection(artifact: dict[str, Any]) -> str:
    return artifact["artifactCollectionName"]


def _manifest(artifact: str) -> str:
    return f"{artifact}/manifest.json"


def _page(nodes: list[dict[str, Any]]) -> dict[str, Any]:
    """A connection whose first page is its last."""
    page = {"__typename": "PageInfo", "endCursor": None, "hasNextPage": False}
    return {"totalCount": len(nodes), "pageInfo": page, "edges": [{"node": node} for node in nodes]}
