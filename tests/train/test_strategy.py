"""Strategies by their short names, and without their package."""

from types import SimpleNamespace

import pytest

from vn.errors import InputError
from vn.train.compiled import compile_layers


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
