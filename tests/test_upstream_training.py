"""Undocumented uses of Lightning, W&B and jsonargparse (see test_upstream.py)."""

import importlib.util
import inspect
import re
import signal
from pathlib import Path

import pytest
from undocumented import uses


class Probe:
    """Lightning's own small model with a callback, trained for a few steps on the CPU.

    Args:
        folder: for what Lightning writes.
        callback: methods of a callback, by name.
    """

    def __init__(self, folder, **callback):
        import lightning as L
        from lightning.pytorch.demos.boring_classes import BoringModel

        class Model(BoringModel):
            def validation_step(model, batch, batch_idx):
                self.seen.append(batch_idx)

        hooks = {name: staticmethod(method) for name, method in callback.items()}
        self.model = Model()
        self.seen = []
        self.trainer = L.Trainer(
            accelerator="cpu",
            callbacks=[type("Hooks", (L.Callback,), hooks)()],
            default_root_dir=folder,
            enable_checkpointing=False,
            enable_model_summary=False,
            enable_progress_bar=False,
            limit_train_batches=3,
            limit_val_batches=2,
            logger=False,
            max_epochs=1,
            num_sanity_val_steps=0,
        )

    def fit(self, checkpoint=None):
        self.trainer.fit(self.model, ckpt_path=checkpoint, weights_only=True)


@uses(
    "lightning",
    "_signal_connector",
    "register_signal_handlers",
    breaks="SIGTERM is handled by Lightning within the signal: ranks hang, and nothing is saved",
)
def test_signal_handlers_can_be_left_out(tmp_path):
    found = []
    probe = Probe(tmp_path, on_train_start=lambda *_: found.append(signal.getsignal(signal.SIGTERM)))
    before = signal.getsignal(signal.SIGTERM)
    probe.trainer._signal_connector.register_signal_handlers = lambda: None
    probe.fit()
    assert found == [before]


@uses(
    "lightning",
    "trainer.interrupted",
    "Lightning leaves it ignored",
    "Lightning turns it into an exit with code 1",
    breaks="the exit code after Ctrl-C, and whether a run that was interrupted counts as finished",
)
def test_what_an_interrupt_becomes(tmp_path):
    def interrupt(*_):
        raise KeyboardInterrupt

    probe = Probe(tmp_path, on_train_start=interrupt)
    probe.trainer._signal_connector.register_signal_handlers = lambda: None
    before = signal.getsignal(signal.SIGINT)
    try:
        with pytest.raises(SystemExit) as ended:
            probe.fit()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
    assert ended.value.code == 1
    assert probe.trainer.interrupted


@uses(
    "lightning",
    "_batches_that_stepped",
    "_logger_connector",
    "_first_loop_iter",
    "epoch_progress.current",
    "val_loop.run()",
    "val_loop.restarting",
    breaks="a validation that SIGTERM cut short is run under the wrong step after a resume, or not at all",
)
def test_a_validation_between_two_steps(tmp_path):
    counted = []

    def validate(trainer, module, batch, batch_idx):
        loop, epoch = trainer.fit_loop.epoch_loop, trainer.fit_loop.epoch_progress.current
        counted.append((loop._batches_that_stepped, epoch.processed, epoch.completed))
        if batch_idx == 1:
            shown = trainer._logger_connector._first_loop_iter
            trainer.validating = True
            loop.val_loop.restarting = False
            loop.val_loop.run()
            trainer.training = True
            trainer._logger_connector._first_loop_iter = shown

    probe = Probe(tmp_path, on_train_batch_start=validate)
    probe.fit()
    assert probe.seen == [0, 1, 0, 1]  # in between, and at the epoch's end
    assert counted == [(0, 0, 0), (1, 0, 0), (2, 0, 0)]


@uses(
    "lightning",
    'checkpoint["loops"]["fit_loop"]',
    '"epoch_progress"',
    '"epoch_loop.batch_progress"',
    '"epoch_loop.val_loop.batch_progress"',
    '"epoch_loop.state_dict"',
    '"is_last_batch"',
    "epoch_loop.restarting",
    breaks="a resumed run repeats or leaves out steps",
)
def test_counters_in_a_checkpoint(tmp_path):
    file = tmp_path / "probe.ckpt"
    first = Probe(tmp_path)
    first.fit()
    first.trainer.save_checkpoint(file)
    counts = {"ready", "started", "processed", "completed"}
    found = {}

    def rewind(trainer, module, checkpoint):
        loops = checkpoint["loops"]["fit_loop"]
        for name in ("total", "current"):
            assert set(loops["epoch_progress"][name]) == counts
            assert set(loops["epoch_loop.batch_progress"][name]) == counts
        assert set(loops["epoch_loop.val_loop.batch_progress"]) == {"total", "current", "is_last_batch"}
        loops["epoch_progress"]["current"].update(ready=1, started=1, processed=0, completed=0)
        for name in ("total", "current"):
            loops["epoch_loop.batch_progress"][name].update(ready=2, started=2, processed=2, completed=1)
        loops["epoch_loop.batch_progress"]["is_last_batch"] = False
        loops["epoch_loop.state_dict"]["_batches_that_stepped"] = 77

    def look(trainer, *_):
        loop = trainer.fit_loop.epoch_loop
        found.update(stepped=loop._batches_that_stepped, restarting=loop.restarting)

    def step(trainer, module, batch, batch_idx):
        found.setdefault("batches", []).append(batch_idx)

    Probe(tmp_path, on_load_checkpoint=rewind, on_train_start=look, on_train_batch_start=step).fit(file)
    assert found == {"stepped": 77, "restarting": True, "batches": [2]}


@uses(
    "lightning",
    "_step_supports_amp_scaling",
    breaks="with fused AdamW in bf16-mixed, Lightning refuses to clip gradients, and training on CUDA ends at once",
)
@pytest.mark.parametrize("says", [True, False])
def test_what_lightning_asks_before_it_clips(says):
    import torch
    from lightning.pytorch.plugins import MixedPrecision

    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.ones(1))], fused=True)
    assert optimizer._step_supports_amp_scaling
    optimizer._step_supports_amp_scaling = says
    plugin = MixedPrecision("bf16-mixed", "cpu")
    if says:
        with pytest.raises(RuntimeError, match="does not allow for gradient clipping"):
            plugin.clip_gradients(optimizer, 1.0)
    else:
        plugin.clip_gradients(optimizer, 1.0)


@uses("torch", "found_inf", breaks="steps that are not finite numbers are applied on CUDA")
def test_a_fused_optimizer_skips_what_is_flagged():
    import torch

    weight = torch.nn.Parameter(torch.ones(3))
    optimizer = torch.optim.AdamW([weight], lr=0.1, fused=True)
    for flag, expected in ((1.0, 0.0), (0.0, 1.0)):
        weight.grad = torch.full_like(weight, float("nan") if flag else 1.0)
        optimizer.found_inf = torch.tensor(flag)
        optimizer.step()
        assert optimizer.state[weight]["step"] == expected
        assert weight.isfinite().all()
        assert weight.equal(torch.ones(3)) is bool(flag)


@uses("lightning", "_PATH", "torch_io", breaks="checkpoints are no longer written beside and renamed")
def test_checkpoints_are_written_by_the_strategys_plugin(tmp_path):
    from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO
    from lightning.fabric.utilities.types import _PATH

    assert str in _PATH.__args__
    written = []

    class Ours(TorchCheckpointIO):
        def save_checkpoint(self, checkpoint, path, storage_options=None):
            written.append(path)

    probe = Probe(tmp_path)
    probe.fit()
    probe.trainer.strategy.checkpoint_io = Ours()
    probe.trainer.save_checkpoint(tmp_path / "a.ckpt")
    assert written == [tmp_path / "a.ckpt"]


@uses(
    "lightning",
    "rank_zero_only.rank",
    "rank_zero_experiment",
    "_wandb_init",
    "trainer.datamodule",
    "trainer.log_every_n_steps",
    breaks="which process logs, the options of wandb.init, and what callbacks know of the data",
)
def test_attributes_that_lightning_declares_nowhere(tmp_path):
    from lightning.pytorch.loggers import WandbLogger
    from lightning.pytorch.loggers.logger import rank_zero_experiment
    from lightning.pytorch.utilities.rank_zero import rank_zero_only

    probe = Probe(tmp_path)
    assert probe.trainer.log_every_n_steps == 50
    assert probe.trainer.datamodule is None
    assert rank_zero_only.rank == 0
    assert rank_zero_experiment(lambda self: "real")(None) == "real"
    logger = WandbLogger(save_dir=tmp_path, offline=True, resume="allow")
    assert logger._wandb_init["resume"] == "allow"
    assert "**self._wandb_init" in inspect.getsource(WandbLogger)


@uses(
    "lightning",
    "_WARNINGS",
    "_TIPS",
    "tied layer is part of the adapter",
    "Setting accelerator to CPU",
    "is_gradient_checkpointing. is deprecated",
    breaks="warnings about what vn does by design reach the user again",
)
def test_texts_of_warnings():
    from vn.train.log_filter import _TIPS, _WARNINGS

    said = texts("lightning", "torchmetrics", "torch/utils/_pytree.py", "transformers/modeling_utils.py", "peft/tuners")
    for pattern in (*_WARNINGS, ".*tied layer is part of the adapter.*"):
        # A name within quotes may be put into the text only when it is shown.
        assert re.search(pattern, said) or re.search(re.sub("`[^`]*`", "`…`", pattern), said), pattern
    assert all(re.search(part, said) for part in _TIPS.pattern.split("|"))
    assert "Setting accelerator to CPU" in texts("deepspeed/accelerator")


def texts(*places):
    """The source of packages, with adjacent string literals joined, and … for what is put into texts."""
    found = []
    for place in places:
        package, _, rest = place.partition("/")
        root = Path(importlib.util.find_spec(package).origin).parent / rest
        for file in [root] if root.is_file() else root.rglob("*.py"):
            joined = re.sub(r"""["']\s*\n\s*[fr]?["']""", "", file.read_text(encoding="utf-8"))
            found.append(re.sub(r"\{[^{}\n]*\}", "…", joined))
    return "\n".join(found)


@uses(
    "wandb",
    "wandb.sdk.launch.sweeps.utils",
    "create_sweep_command_args",
    breaks="`vn sweep` starts other commands than W&B's agent would",
)
def test_how_wandb_spells_the_command_of_a_sweep(monkeypatch):
    from wandb.sdk.launch.sweeps.utils import create_sweep_command, create_sweep_command_args

    monkeypatch.setenv("SOME_PLACE", "here")
    assert create_sweep_command(["${env}", "vn", "${envvar:SOME_PLACE}"]) == ["${env}", "vn", "here"]
    given = create_sweep_command_args({"args": {"a": {"value": 1}, "b": {"value": True}}})
    assert {name: words for name, words in given.items() if isinstance(words, list)} == {
        "args": ["--a=1", "--b=True"],
        "args_no_equals": ["--a", "1", "--b", "True"],
        "args_no_hyphens": ["a=1", "b=True"],
        "args_no_boolean_flags": ["--a=1", "--b"],
        "args_json": ['{"a": 1, "b": true}'],
        "args_append_hydra": ["+a=1", "+b=True"],
        "args_override_hydra": ["++a=1", "++b=True"],
    }


@uses(
    "wandb",
    "x_disable_stats",
    "x_save_requirements",
    "starting_step",
    "experiment.disabled",
    "mark_preempting",
    breaks="a resumed run has steps twice on W&B, and a point of a sweep logs what it should not",
)
def test_what_wandb_knows_of_a_run(tmp_path):
    import wandb

    little = wandb.Settings(mode="disabled", x_disable_stats=True, x_save_requirements=False)
    run = wandb.init(dir=tmp_path, settings=little)
    assert run.disabled is True
    assert run.starting_step == 0
    run.mark_preempting()
    run.finish()


@uses("wandb", '== "wandb"', breaks="an error of W&B's client ends `vn compare` with a traceback")
def test_errors_of_wandb_are_known_by_their_module():
    from wandb.errors import CommError, UsageError

    assert {error.__module__.partition(".")[0] for error in (CommError, UsageError)} == {"wandb"}


@uses(
    "jsonargparse",
    "_actions",
    "get_loader",
    "set_loader",
    "_WRONG",
    "_UNKNOWN",
    "_GROUP",
    breaks="a wrong setting is reported without its file and key, and settings under their old names are refused",
)
def test_how_jsonargparse_complains():
    from jsonargparse import ArgumentError, ArgumentParser, get_loader, set_loader

    from vn.train.arguments import explain

    set_loader("probe", lambda text: get_loader("yaml")(text))
    parser = ArgumentParser(exit_on_error=False, parser_mode="probe")
    parser.add_argument("--model.width", type=int | None, default=1)
    known = [action.dest for action in parser._actions]
    assert "model.width" in known

    def complaint(*args):
        with pytest.raises(ArgumentError) as raised:
            parser.parse_args(list(args))
        return str(explain(raised.value, known, {}))

    assert complaint("--model.width=wide").startswith("model.width: expected int or null, got wide")
    assert "did you mean" in complaint("--model.widths=3")
    assert parser.parse_args(["--model.width=3"]).model.width == 3
