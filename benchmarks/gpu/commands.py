"""`vn fit` and `vn run` by the real command: bf16-mixed, stopped and resumed, ZeRO-2, weights of 4 and 8 bits."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from toy import TERMINATED, Toy
from trials import Result, Run, SkippedError, Trial

STOP = 3  # optimizer steps


class Commands:
    """All commands at once, each a process, while this one does something else."""

    def __init__(self, run: Run) -> None:
        self.toy = Toy.make(run)
        self.pool = ThreadPoolExecutor(6)
        work: dict[str, Callable[[], Result]] = {
            "whole": lambda: self.toy.fit("whole", self.toy.stop_after("whole", 0)),
            "stopped": self._stop_and_resume,
            "run": self._run,
            "zero2": self._under_zero,
            "nf4": lambda: self._quantized("nf4"),
        }
        if not run.quick:
            work["again"] = lambda: self.toy.fit("again", self.toy.stop_after("again", 0))
            work["int8"] = lambda: self._quantized("int8")
        self.results: dict[str, Future[Result]] = {name: self.pool.submit(each) for name, each in work.items()}

    def trials(self) -> Iterator[Trial]:
        """Their results, when they have ended."""
        yield Trial("fit", self.results["whole"].result)
        yield Trial("fit, stopped and resumed", self._resumed)
        yield Trial("fit, ZeRO-2", self._compared)
        yield Trial("run", self.results["run"].result)
        for bits in ("nf4", "int8"):
            if bits in self.results:
                yield Trial(f"fit, {bits}", self.results[bits].result)

    def _stop_and_resume(self) -> Result:
        """A run that is asked to end, and goes on when the same command is given again."""
        flag = self.toy.stop_after("stopped", STOP)
        first = self.toy.fit("stopped", flag, code=TERMINATED)
        second = self.toy.fit("stopped", flag)
        seconds = first["seconds"] + second["seconds"]
        return {"stopped_after": first["steps"], "steps": second["steps"], "seconds": seconds}

    def _resumed(self) -> Result:
        """How far the resumed run's weights are from the whole one's, and from each other those of two whole runs."""
        result = self.results["stopped"].result()
        self.results["whole"].result()
        noise = 0.0
        if "again" in self.results:
            self.results["again"].result()
            noise = self.toy.apart("again", "whole")
        distance = self.toy.apart("stopped", "whole")
        same_steps = len(self.toy.losses("stopped")) == len(self.toy.losses("whole"))
        ok = same_steps and distance <= 4 * noise + 1e-6
        return {**result, "apart": distance, "two_whole_runs_apart": noise, "bitwise": distance == 0.0, "ok": ok}

    def _under_zero(self) -> Result:
        """One device is all that the engine has here: what is tested is that it runs."""
        require("deepspeed")
        return self.toy.fit("zero2", "--trainer.strategy", "zero2")

    def _compared(self) -> Result:
        """Its losses beside those without the engine, which differ by the rounding of bf16."""
        result, whole = self.results["zero2"].result(), self.results["whole"].result()
        most = max(abs(a - b) / b for a, b in zip(result["losses"], whole["losses"], strict=True))
        return {**result, "losses_apart": most, "ok": most < 0.02}

    def _run(self) -> Result:
        """Trained, tested and scored by one command, with float32 weights under autocast: writing meets both types."""
        result = self.toy.fit("run", command="run", dtype="float32")
        written = self.toy.stories("run")
        return {**result, "stories": written, "ok": written > 0}

    def _quantized(self, bits: str) -> Result:
        require("bitsandbytes")
        result = self.toy.fit(bits, quantization=bits)
        return {**result, "ok": result["losses"][-1] < result["losses"][0]}


def commands(run: Run) -> Iterator[Trial]:
    """Their results."""
    yield from run.started(Commands).trials()


def require(package: str) -> None:
    """Skip without a package."""
    if importlib.util.find_spec(package) is None:
        raise SkippedError(f"{package} is not installed")
