"""``vn studio``: stories made and edited in a browser."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from vn.environment import set_gradio_variables
from vn.errors import InputError
from vn.extras import require
from vn.plugins import add_import_option
from vn.studio.access import check_host, read_users

if TYPE_CHECKING:
    from vn.story import Language
    from vn.studio.studio import Studio
    from vn.studio.voices import Voices
    from vn.studio.workspace import Workspace

EPILOG = """\
Each story is a folder in --folder: its video, its product file and story.json, which vn narrate --edit and vn render
read too. The studio uses one narrator; writing, speaking and rendering are done one at a time.

examples:
  vn studio --run runs/demo --voice espeak-ng
  vn studio --run runs/demo --videos videos/ --voice piper:voices/joe.onnx --voice espeak-ng
  vn studio --run runs/demo --host 0.0.0.0 --auth users.txt
      for others too; users.txt has a line user:password per user, and only you may read it (chmod 600). The connection
      is not encrypted: outside a network that you trust, put a server with TLS before it
"""
MEGABYTE = 1_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``vn studio``."""
    from vn.voice.names import KINDS
    from vn.voice.options import add_reach_options

    parser.epilog = EPILOG
    parser.add_argument("--run", type=Path, help="a run folder with the adapter to use")
    parser.add_argument(
        "--adapter", metavar="DIR|hf://USER/REPO", help="an adapter folder, here or on the hub, instead of --run"
    )
    parser.add_argument("--folder", type=Path, default=Path("studio"), help="the folder of the stories (%(default)s)")
    parser.add_argument("--videos", type=Path, metavar="FOLDER", help="a folder of videos to choose from")
    parser.add_argument("--base-model", help="path of the base model, if it has moved since training")
    parser.add_argument(
        "--encoder-weights", nargs="+", default=[], metavar="FILE", help="weights of the frame encoder, if any"
    )
    add_import_option(parser)
    parser.add_argument("--device", default=None, help="e.g. cpu, cuda (default: cuda if available)")
    server = parser.add_argument_group("server")
    server.add_argument(
        "--host", default="127.0.0.1", help="address to listen at; another one needs --auth (%(default)s)"
    )
    server.add_argument("--port", type=int, default=7860, help="port to listen at; 0: a free one (%(default)s)")
    server.add_argument("--auth", type=Path, metavar="FILE", help="who may use it: a line user:password per user")
    server.add_argument(
        "--max-upload", type=float, default=2000.0, metavar="MB", help="size of the largest upload (%(default)g MB)"
    )
    server.add_argument(
        "--max-waiting", type=int, default=8, metavar="N", help="how many pieces of work may wait (%(default)s)"
    )
    voices = parser.add_argument_group("voice")
    voices.add_argument(
        "--voice",
        action="append",
        default=[],
        metavar="VOICE",
        help=f"a voice that the page offers, once for each; the first is the usual one: {KINDS}",
    )
    add_reach_options(voices, parser)


def run(args: argparse.Namespace) -> int:
    """Serve the studio until it is interrupted."""
    _check(args)
    users = read_users(args.auth) if args.auth is not None else None
    require("gradio", command="studio")
    from vn.studio.server import listen, make_app, scratch_of, serve
    from vn.studio.workspace import Workspace

    workspace = Workspace(args.folder, args.videos)
    with listen(args.host, args.port) as listening:
        scratch = scratch_of(workspace.folder)
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(mode=0o700)
        set_gradio_variables(scratch)
        try:
            app = make_app(
                _studio(args, workspace, scratch), args.host, users, int(args.max_upload * MEGABYTE), args.max_waiting
            )
            host = f"[{args.host}]" if ":" in args.host else args.host
            print(f"http://{host}:{listening.getsockname()[1]}/   (Ctrl-C ends it)", flush=True)
            serve(app, listening)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    return 0


def _check(args: argparse.Namespace) -> None:
    if (args.run is None) == (args.adapter is None):
        raise InputError("give either --run or --adapter")
    check_host(args.host, args.auth)
    if not 0 <= args.port <= 65_535:
        raise InputError(f"expected 0 to 65535, got {args.port}", field="--port")
    if not 0 < args.max_upload <= 1_000_000:
        raise InputError(f"expected above 0, up to 1000000 MB, got {args.max_upload:g}", field="--max-upload")
    if not 1 <= args.max_waiting <= 1000:
        raise InputError(f"expected 1 to 1000, got {args.max_waiting}", field="--max-waiting")


def _studio(args: argparse.Namespace, workspace: Workspace, scratch: Path) -> Studio:
    from vn.hub import local_folder
    from vn.studio.studio import Studio
    from vn.studio.writer import Writer

    adapter = local_folder(args.adapter) if args.adapter is not None else args.run / "adapter"
    writer = Writer(adapter, args.base_model, args.encoder_weights, args.device, args.imports)
    print(f"{adapter}: {writer.card.about()}", file=sys.stderr)
    return Studio(workspace, writer, _voices(args, writer.language), scratch)


def _voices(args: argparse.Namespace, language: Language) -> Voices:
    """The voices of the command line, each checked once."""
    from vn.studio.voices import NONE, Voices
    from vn.voice.kept import KeptVoice
    from vn.voice.names import open_voice
    from vn.voice.options import settings_of
    from vn.voice.suits import check_suits

    opened = {}
    for name in dict.fromkeys(args.voice):
        if name != NONE:
            opened[name] = KeptVoice(open_voice(name, True, settings_of(args)), args.voice_cache)
            check_suits(opened[name], language, args.force_voice, args.voice_cache)
    return Voices(opened, language, args.voice_cache)
