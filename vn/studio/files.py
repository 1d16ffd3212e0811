"""The addresses of a story's files: the video to watch, what was rendered, and all of it as one archive."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import TYPE_CHECKING

from vn.errors import InputError
from vn.studio.bundle import file_of, write_bundle
from vn.studio.workspace import Workspace

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.responses import Response

# A story page runs its own script, which can send no requests to the studio.
PAGE_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src data:; base-uri 'none'; form-action 'none'"
)


def add_files(app: FastAPI, workspace: Workspace) -> None:
    """Add the addresses ``/stories/NAME/...`` to an application.

    Args:
        app: the application.
        workspace: the stories.
    """
    from starlette.responses import FileResponse, PlainTextResponse, StreamingResponse

    def answer(make: Callable[[], Response]) -> Response:
        try:
            return make()
        except InputError as error:
            return PlainTextResponse(f"{error}\n", status_code=404)

    def watch(name: str) -> Response:
        return answer(lambda: FileResponse(workspace.open(name).video()))

    def bundle(name: str) -> Response:
        def made() -> Response:
            story = workspace.open(name)
            file = tempfile.TemporaryFile()  # noqa: SIM115 (closed when it was sent)
            write_bundle(story, file)
            file.seek(0)
            headers = {"content-disposition": f'attachment; filename="{story.name}.zip"'}
            blocks = iter(lambda: file.read(1 << 20), b"")
            return StreamingResponse(blocks, media_type="application/zip", headers=headers)

        return answer(made)

    def file(name: str, path: str) -> Response:
        def found() -> Response:
            place = file_of(workspace.open(name), path)
            headers = {"cache-control": "no-cache"}
            if place.suffix == ".html":
                return FileResponse(place, headers={**headers, "content-security-policy": PAGE_POLICY})
            return FileResponse(place, headers=headers)

        return answer(found)

    app.add_api_route("/stories/{name}/watch", watch, response_model=None)
    app.add_api_route("/stories/{name}/all.zip", bundle, response_model=None)
    app.add_api_route("/stories/{name}/{path:path}", file, response_model=None)
