"""Strategies by their short names, and without their package."""

from types import SimpleNamespace

import lightning as L
import pytest
import torch
from lightning.pytorch.strategies import DeepSpeedStrategy
from lightning.pytorch.trainer.states import TrainerFn
from torchmetrics import MeanMetric

from vn.errors import InputError
from vn.train.compiled import compile_layers
from vn.train.strategy import ZeroStrategy


@pytest.mark.parametrize("stage", [2, 3])
def test_without_deepspeed_one_sentence_names_the_extra(experiment, capsys, monkeypatch, stage):
    monkeypatch.setattr("lightning.pytorch.strategies.deepspeed._DEEPSPEED_AVAILABLE", False)
    assert experiment("fit", "--trainer.strategy", f"zero{stage}") == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert (
        f"zero{stage} needs the package deepspeed, which is not installed: pip install 'videonarrator[train]'" in error
    )


def test_an_unknown_strategy_is_refused(experiment, capsys):
    assert experiment("fit", "--trainer.strategy", "zero7") == 2
    assert "zero7" in capsys.readouterr().err.strip().splitlines()[-1]


def test_weights_in_shards_are_not_compiled():
    with pytest.raises(InputError, match="not with zero3"):
        compile_layers(None, SimpleNamespace(strategy=SimpleNamespace(stage=3)))


class EngineBegins(Exception):
    pass


@pytest.mark.parametrize("stage", [2, 3])
def test_what_the_engine_leaves_is_on_the_device_before_it_begins(monkeypatch, stage):
    pytest.importorskip("deepspeed")
    device = torch.device("meta")  # as a GPU: another one than that on which the module is built
    module = L.LightningModule()
    module.register_buffer("mean", torch.zeros(3))
    module.loss = MeanMetric()
    module._trainer = SimpleNamespace(state=SimpleNamespace(fn=TrainerFn.FITTING))
    strategy = ZeroStrategy(stage=stage)
    strategy._lightning_module = strategy.model = module
    found = {}

    def begin(strategy):
        found.update(buffer=module.mean.device, metric=module.loss.device, module=module.device)
        raise EngineBegins

    monkeypatch.setattr(ZeroStrategy, "root_device", device)
    monkeypatch.setattr(DeepSpeedStrategy, "init_deepspeed", begin)
    with pytest.raises(EngineBegins):
        strategy.init_deepspeed()
    # Below stage 3 the engine itself moves the module.
    assert set(found.values()) == {device if stage == 3 else torch.device("cpu")}
