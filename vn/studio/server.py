"""The studio as a web server: Gradio's page, the stories' files, and the guard around both."""

from __future__ import annotations

import errno
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vn.errors import InputError
from vn.studio.access import Users, names_of
from vn.studio.board import PAGE
from vn.studio.guard import Guard

if TYPE_CHECKING:
    from vn.studio.studio import Studio

QUIT_AFTER = 2  # seconds that open connections get when the studio ends


def make_app(studio: Studio, host: str, users: Users | None, most_bytes: int, waiting: int) -> Guard:
    """The application that answers requests.

    Args:
        studio: what it serves.
        host: the address it listens at.
        users: who may use it; None: everyone on this machine.
        most_bytes: size of the largest upload.
        waiting: how many pieces of work may wait.
    """
    import gradio as gr
    from fastapi import FastAPI

    from vn.studio.files import add_files
    from vn.studio.interface import make_page

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    add_files(app, studio.workspace)
    system = ["system-ui", "sans-serif"]
    gr.mount_gradio_app(
        app,
        make_page(studio, waiting),
        path="/",
        server_name=host,
        footer_links=[],
        run_history=False,
        allowed_paths=[],
        blocked_paths=[str(studio.workspace.folder)],
        show_error=False,
        max_file_size=most_bytes,
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        theme=gr.themes.Default(font=system, font_mono=["ui-monospace", "monospace"]),
        css_paths=PAGE / "studio.css",
    )
    return Guard(app, names_of(host), users)


def listen(host: str, port: int) -> socket.socket:
    """A socket at an address.

    Args:
        host: the address.
        port: the port; 0: a free one.

    Raises:
        InputError: the port is in use, or the address is not this machine's.
    """
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise InputError(f"{port} is in use; choose another", field="--port") from None
        raise InputError(f"cannot listen at {host}:{port} ({error.strerror or error})", field="--host") from None


def serve(app: Guard, listening: socket.socket) -> None:
    """Answer requests until the process is interrupted."""
    import uvicorn

    config: Any = uvicorn.Config(
        app, log_level="error", access_log=False, server_header=False, ws="none", timeout_graceful_shutdown=QUIT_AFTER
    )
    uvicorn.Server(config).run(sockets=[listening])


def scratch_of(folder: Path) -> Path:
    """The folder of uploads and of files while they are made, in that of the stories so that they can be moved."""
    return folder / ".uploads"
