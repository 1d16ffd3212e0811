"""A stand-in for W&B's server, for tests over loopback. It encodes our beliefs about the server, which may be wrong.

Seen from the client's side (wandb 0.31.0: `wandb sweep`, `wandb agent`, wandb-core, `wandb sync`, `wandb.Api`), it
answers each operation that these were seen to send with the fields that they read, and fails on every other one: with
status 400, and in `Server.unknown`, which tests expect to be empty. A sweep is a grid; a run that was preempted is
handed to the next agent that asks, as `resume`.
"""

from __future__ import annotations

import itertools
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import yaml
from wandb_artifacts import NOW, Artifacts

ENTITY = "tests"


@dataclass
class Run:
    name: str
    sweep: str | None
    state: str = "running"
    exitcode: int | None = None
    config: dict[str, Any] = field(default_factory=dict)
    display_name: str | None = None
    lines: dict[str, list[str]] = field(default_factory=dict)  # wandb-history.jsonl, wandb-summary.json, ...
    files: dict[str, bytes] = field(default_factory=dict)

    @property
    def history(self) -> list[str]:
        return self.lines.setdefault("wandb-history.jsonl", [])

    @property
    def summary(self) -> str:
        lines = self.lines.get("wandb-summary.json") or ["{}"]
        return lines[-1]


@dataclass
class Sweep:
    name: str
    config: dict[str, Any]
    points: list[dict[str, Any]]
    resume: list[str] = field(default_factory=list)  # runs to hand out again
    given: int = 0


class Server(Artifacts):
    """The server and all that it holds; `with Server() as server:` serves at `server.url`."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.RLock()
        self.project = "toy"
        self.runs: dict[str, Run] = {}
        self.sweeps: dict[str, Sweep] = {}
        self.agents: dict[str, str] = {}  # agent -> sweep
        self.busy: dict[str, set[str]] = {}  # agent -> its runs
        self.commands: list[dict[str, Any]] = []  # given to agents
        self.unknown: list[str] = []
        self.log: list[tuple[str, dict[str, Any]]] = []
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self.http.server_port}"

    def __enter__(self) -> Server:
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.http.shutdown()
        self.http.server_close()

    def environment(self, folder: Any) -> dict[str, str]:
        """What makes W&B's programs talk to this server, and leave the user's own folders alone."""
        own = {f"WANDB_{n}_DIR": str(folder / n.lower()) for n in ("CONFIG", "CACHE", "DATA", "ARTIFACT")}
        for place in own.values():
            (folder / place).mkdir(parents=True, exist_ok=True)
        return {
            **own,
            "HOME": str(folder),
            "WANDB_BASE_URL": self.url,
            "WANDB_API_KEY": "0" * 40,
            "WANDB_ENTITY": ENTITY,
            "WANDB_PROJECT": self.project,
            "WANDB_ERROR_REPORTING": "false",
            "WANDB_AGENT_DISABLE_FLAPPING": "true",  # else three failures within a minute end an agent
            "WANDB_DISABLE_GIT": "true",
            "WANDB_MODE": "online",
        }

    def crash(self, name: str) -> None:
        """Take a run for dead, as the server does when no heartbeat has come for a while."""
        with self.lock:
            run = self.runs[name]
            run.state = "crashed"
            self._again(run)

    def _again(self, run: Run) -> None:
        if run.sweep and run.name not in self.sweeps[run.sweep].resume:
            self.sweeps[run.sweep].resume.append(run.name)

    # -- GraphQL: one method an operation; each gives more fields than are asked for ----------------------------

    def answer(self, operation: str, v: dict[str, Any]) -> Any:
        handle = getattr(self, f"on_{operation}", None)
        with self.lock:
            self.log.append((operation, v))
            if handle is None:
                self.unknown.append(operation)
                return None
            return handle(v)

    def on_Viewer(self, v):
        user = {"id": "u", "name": ENTITY, "username": ENTITY, "email": "", "admin": False, "entity": ENTITY}
        return {"viewer": {**user, "flags": "{}", "teams": {"edges": []}, "deletedAt": None, "apiKeys": {"edges": []}}}

    on_GetViewer = on_Viewer

    def on_GetDefaultEntity(self, v):
        return {"viewer": {"id": "u", "entity": ENTITY}}

    def on_ServerFeaturesQuery(self, v):
        return {"serverInfo": {"features": []}}

    def on_OrganizationCoreWeaveOrganizationID(self, v):
        return {"entity": {"organization": None}}

    def on_UpsertSweep(self, v):
        config = yaml.safe_load(v["config"])
        axes = {k: a.get("values", [a.get("value")]) for k, a in config["parameters"].items()}
        name = f"sweep{len(self.sweeps)}"
        points = [dict(zip(axes, p, strict=True)) for p in itertools.product(*axes.values())]
        self.sweeps[name] = Sweep(name, config, points)
        sweep = {"id": name, "name": name, "project": self._project()}
        return {"upsertSweep": {"sweep": sweep, "configValidationWarnings": []}}

    def on_SweepWithRuns(self, v):
        return {"project": {"sweep": self._sweep(v["sweep"])}}

    def on_GetSweep(self, v):
        return {"project": {"sweep": self._sweep(v["name"])}}

    def on_CreateAgent(self, v):
        name = f"agent{len(self.agents)}"
        self.agents[name] = v["sweep"]
        self.busy[name] = set()
        return {"createAgent": {"agent": {"id": name}}}

    def on_Heartbeat(self, v):
        """Hand out a point, a run to resume, or, once all is done, the order to leave."""
        agent, sweep = v["id"], self.sweeps[self.agents[v["id"]]]
        for name in self.busy[agent] - set(json.loads(v["runState"])):
            self.busy[agent].discard(name)
        commands: list[dict[str, Any]] = []
        if not self.busy[agent]:
            order = None
            if sweep.resume:
                order, name = "resume", sweep.resume.pop(0)
                parameters = {
                    k: x["value"] for k, x in self.runs[name].config.items() if k in sweep.config["parameters"]
                }
            elif sweep.given < len(sweep.points):
                order, name, parameters = "run", f"{sweep.name}run{sweep.given}", sweep.points[sweep.given]
                sweep.given += 1
                args = {k: {"value": x} for k, x in parameters.items()}
                self.runs[name] = Run(name, sweep.name, "pending", config=args)
            elif not any(self.busy.values()):
                commands.append({"type": "exit"})
            if order:
                args = {k: {"value": x} for k, x in parameters.items()}
                commands.append({"type": order, "run_id": name, "program": sweep.config.get("program"), "args": args})
                self.busy[agent].add(name)
        self.commands += commands
        return {"agentHeartbeat": {"agent": {"id": agent}, "commands": json.dumps(commands)}}

    def on_RunResumeStatus(self, v):
        run = self.runs.get(v["name"])
        known = run is not None and run.state != "pending"
        return {
            "model": {
                "name": self.project,
                "entity": {"id": "e", "name": ENTITY},
                "bucket": self._run(run) if known else None,
            }
        }

    def on_UpsertBucket(self, v):
        inserted = v["name"] not in self.runs
        run = self.runs.setdefault(v["name"], Run(v["name"], v.get("sweep")))
        run.state = "preempting" if run.state == "preempting" else "running"
        run.exitcode = None
        run.sweep = v.get("sweep") or run.sweep
        run.display_name = v.get("displayName") or run.display_name
        if v.get("config"):
            run.config = {**run.config, **json.loads(v["config"])}
        return {"upsertBucket": {"bucket": self._run(run), "inserted": inserted}}

    def on_CreateRunFiles(self, v):
        files = [{"name": f, "uploadUrl": f"{self.url}/upload/run/{v['run']}/{f}"} for f in v["files"]]
        return {"createRunFiles": {"runID": v["run"], "uploadHeaders": [], "files": files}}

    # -- reading ------------------------------------------------------------------------------------------------

    def on_Runs(self, v):
        wanted = json.loads(v.get("filters") or "{}")
        runs = [r for r in self.runs.values() if wanted.get("sweep", r.sweep) == r.sweep]
        edges = [{"node": self._run(r), "cursor": r.name} for r in runs]
        page = {"endCursor": None, "hasNextPage": False}
        return {
            "project": {
                **self._project(),
                "runCount": len(runs),
                "readOnly": False,
                "runs": {"edges": edges, "pageInfo": page},
            }
        }

    def on_Run(self, v):
        run = self.runs.get(v["name"])
        return {"project": {"run": run and self._run(run)}}

    def on_RunHistoryKeys(self, v):
        return {"project": {"run": {"historyKeys": self._run(self.runs[v["name"]])["historyKeys"]}}}

    def on_RunParquetHistory(self, v):
        return {"project": {"run": {"parquetHistory": {"parquetUrls": [], "liveData": []}}}}

    def on_HistoryPage(self, v):
        rows = [
            line for line in self.runs[v["run"]].history if v["minStep"] <= json.loads(line)["_step"] < v["maxStep"]
        ]
        return {"project": {"run": {"history": rows[: v["pageSize"]]}}}

    def on_RunFullHistory(self, v):
        return {"project": {"run": {"history": self.runs[v["name"]].history}}}

    # -- what the answers are made of ---------------------------------------------------------------------------

    def _project(self):
        entity = {"id": "e", "name": ENTITY}
        return {"id": "p", "internalId": "p", "name": self.project, "entity": entity, "entityName": ENTITY}

    def _run(self, run: Run) -> dict[str, Any]:
        events = run.lines.get("wandb-events.jsonl", [])
        started = run.config.get("_wandb", {}).get("value", {}).get("t")  # without it, clients begin at step 0
        return {
            "id": run.name,
            "projectId": 1,
            "name": run.name,
            "displayName": run.display_name or run.name,
            "sweepName": run.sweep,
            "state": run.state,
            "config": json.dumps(run.config),
            "wandbConfig": json.dumps({"t": started} if started else {}),
            "exitcode": run.exitcode,
            "summaryMetrics": run.summary,
            "historyLineCount": len(run.history),
            "historyTail": json.dumps(run.history[-1:]),
            "eventsLineCount": len(events),
            "eventsTail": json.dumps(events[-1:]),
            "logLineCount": 0,
            "historyKeys": {"lastStep": len(run.history) - 1, "keys": {}, "sets": []},
            "project": self._project(),
            **dict.fromkeys(("group", "jobType", "commit", "description", "notes", "systemMetrics")),
            **dict.fromkeys(("createdAt", "heartbeatAt"), NOW),
            **{"tags": [], "readOnly": False, "user": {"name": ENTITY, "username": ENTITY}, "shouldStop": False},
        }

    def _sweep(self, name: str) -> dict[str, Any] | None:
        sweep = self.sweeps.get(name)
        if sweep is None:
            return None
        runs = [self._run(r) for r in self.runs.values() if r.sweep == name]
        return {
            **dict.fromkeys(
                ("description", "bestLoss", "controller", "scheduler", "earlyStopJobRunning", "displayName")
            ),
            **dict.fromkeys(("createdAt", "heartbeatAt", "updatedAt"), NOW),
            **{"id": name, "name": name, "method": "grid", "state": "RUNNING", "config": yaml.safe_dump(sweep.config)},
            **{
                "runCount": len(runs),
                "runCountExpected": len(sweep.points),
                "runs": {"edges": [{"node": r} for r in runs]},
            },
        }

    # -- what is not GraphQL ------------------------------------------------------------------------------------

    def stream(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        """Lines of a run's files, each at its offset; how it ended; whether it is being preempted."""
        with self.lock:
            run = self.runs[name]
            self.log.append(("stream", {k: v for k, v in body.items() if k != "files"}))
            for file, chunk in body.get("files", {}).items():
                lines = run.lines.setdefault(file, [])
                at = chunk["offset"]
                lines[at : at + len(chunk["content"])] = chunk["content"]
            if body.get("preempting"):
                run.state = "preempting"
            if body.get("complete"):
                run.exitcode = body.get("exitcode") or 0
                if run.state == "preempting" and run.exitcode:
                    run.state = "preempted"
                    self._again(run)
                else:
                    run.state = "failed" if run.exitcode else "finished"
        return {"limits": {}}

    def put(self, path: str, body: bytes) -> None:
        with self.lock:
            _, _, kind, *rest = path.split("/", 4)
            if kind == "run":
                self.runs[rest[0]].files[rest[1]] = body
            else:
                self.blobs["/".join(rest)] = body


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None:
            """Nothing."""

        def _body(self) -> bytes:
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))

        def _reply(self, status: int, content: bytes, kind: str = "application/json") -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_POST(self) -> None:
            body = json.loads(self._body() or b"{}")
            if self.path == "/graphql":
                operation = re.search(r"(?:query|mutation)\s+(\w+)", body["query"])
                name = body.get("operationName") or (operation.group(1) if operation else "?")
                data = server.answer(name, body.get("variables") or {})
                if data is None:
                    error = {"errors": [{"message": f"the stand-in knows no operation {name}"}]}
                    self._reply(400, json.dumps(error).encode())
                else:
                    self._reply(200, json.dumps({"data": data}).encode())
            elif match := re.fullmatch(r"/files/[^/]+/[^/]+/([^/]+)/file_stream", self.path):
                self._reply(200, json.dumps(server.stream(match[1], body)).encode())
            else:
                server.unknown.append(f"POST {self.path}")
                self._reply(400, b"{}")

        def do_PUT(self) -> None:
            server.put(self.path, self._body())
            self._reply(200, b"")

        def do_GET(self) -> None:
            with server.lock:
                blob = server.blobs.get(self.path.removeprefix("/blob/"))
            if blob is None:
                server.unknown.append(f"GET {self.path}")
            self._reply(404 if blob is None else 200, blob or b"", "application/octet-stream")

    return Handler
