"""``vn fit | validate | test | predict | run``: what can be answered before Lightning and torch are imported."""

from __future__ import annotations

from contextlib import ExitStack

from vn.environment import parsing_is_plain
from vn.errors import InputError
from vn.io.code_cache import CodeCache
from vn.process import importing, is_own
from vn.run_folder.sigterm import Sigterm
from vn.run_folder.wandb_run import note_end
from vn.train.arguments import expand
from vn.train.early import PACKAGES, refuse_early
from vn.train.help import ASKED, shown
from vn.train.log_filter import filtered_logs
from vn.train.place import Finished


def main(command: str, argv: list[str]) -> int:
    """Run one of the commands; bad configuration is an `InputError`."""
    # Of the code as it is now; what was imported before, in another program's process, may be older.
    code = CodeCache(PACKAGES) if is_own() and parsing_is_plain() else None
    if code is not None and argv in ASKED:
        return shown(command, code, lambda: _main(command, argv, code))
    return _main(command, argv, code)


def _main(command: str, argv: list[str], code: CodeCache | None) -> int:
    with filtered_logs(), ExitStack() as stack:
        sigterm = Sigterm()
        stack.enter_context(sigterm.heard())
        try:
            args = expand(argv)
            if code is not None:
                refuse_early(command, args, code)
            with importing():
                from vn.train.work import NarratorCLI, work
            cli = NarratorCLI(command, args, stack, sigterm, code)
        except Finished as done:
            print(f"{done} is finished; `vn test --run {done}` tests it again; give another --name to train again")
            note_end(0, done.args[0])
            return 0
        except InputError:
            note_end(2)
            raise
        return work(command, cli)
