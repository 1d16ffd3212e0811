"""Undocumented uses of DeepSpeed, and of what Lightning and transformers do with it (see test_upstream.py)."""

import inspect

from undocumented import uses


@uses(
    "lightning",
    "_precision_plugin",
    "_init_config_if_needed",
    "init_deepspeed",
    "zero_stage_3",
    "DDPStrategy.setup_environment(self)",
    breaks="ZeRO on CPUs, batches in half precision, and a base model that is loaded in shards",
)
def test_lightnings_strategy_for_deepspeed():
    from lightning.pytorch.plugins.precision import DeepSpeedPrecision
    from lightning.pytorch.strategies import DDPStrategy, DeepSpeedStrategy

    strategy = DeepSpeedStrategy(stage=3)
    strategy._precision_plugin = ours = DeepSpeedPrecision("32-true")
    assert strategy.precision_plugin is ours
    assert strategy.zero_stage_3
    assert isinstance(strategy, DDPStrategy)
    assert "self._init_config_if_needed()" in inspect.getsource(DeepSpeedStrategy)
    assert "self.init_deepspeed()" in inspect.getsource(DeepSpeedStrategy.setup)
    assert "deepspeed_engine.backward(tensor, *args, **kwargs)" in inspect.getsource(DeepSpeedPrecision.backward)
    assert "convert_input" in vars(DeepSpeedPrecision)


@uses(
    "deepspeed",
    "scale_wrt_gas",
    "engine.checkpoint_engine.load",
    "engine.module_state_dict",
    "get_global_grad_norm",
    breaks="accumulated losses are divided twice, a checkpoint is read as code, or holds the frozen weights",
)
def test_methods_of_deepspeeds_engine():
    from deepspeed import DeepSpeedEngine

    assert "def backward(self, loss, retain_graph=False, scale_wrt_gas=True)" in inspect.getsource(DeepSpeedEngine)
    source = inspect.getsource(inspect.getmodule(DeepSpeedEngine))
    assert "self.checkpoint_engine.load(" in source
    assert "torch.load(" not in source
    assert "self.module_state_dict(" in inspect.getsource(DeepSpeedEngine._save_checkpoint)
    assert callable(DeepSpeedEngine.get_global_grad_norm)


@uses(
    "deepspeed",
    "_z3_optimizer",
    "_hp_mapping",
    breaks="adapters of a ZeRO run hold the engine's rounded or sharded weights",
)
def test_how_deepspeed_marks_parameters():
    from deepspeed.runtime.zero import stage3, stage_1_and_2
    from deepspeed.utils import safe_get_full_fp32_param

    reader = inspect.getsource(safe_get_full_fp32_param)
    assert "param._z3_optimizer" in reader
    assert "'_hp_mapping'" in reader
    assert "p._z3_optimizer = self" in inspect.getsource(stage3)
    assert "_hp_mapping" in inspect.getsource(stage_1_and_2)


@uses(
    "deepspeed",
    "__compatible_ops__",
    "deepspeed_shm_comm",
    breaks="the first ZeRO run on CPUs compiles for minutes, or fails without a compiler",
)
def test_deepspeeds_table_of_what_may_be_compiled():
    from deepspeed.comm.torch import build_shm_op
    from deepspeed.ops.op_builder.cpu import ShareMemCommBuilder

    assert ShareMemCommBuilder.NAME == "deepspeed_shm_comm"
    assert "deepspeed.ops.__compatible_ops__.get(builder.NAME" in inspect.getsource(build_shm_op)


@uses(
    "deepspeed",
    "DynamicLossScaler",
    "LossScaler",
    "ZeroStageEnum",
    "fragment_address",
    breaks="a checkpoint of ZeRO is refused as holding code",
)
def test_classes_in_deepspeeds_checkpoints(tmp_path):
    import torch
    from deepspeed.runtime.fp16.loss_scaler import DynamicLossScaler, LossScaler
    from deepspeed.runtime.zero.config import ZeroStageEnum
    from deepspeed.utils.tensor_fragment import fragment_address

    from vn.train.checkpoint_io import load_engine_file

    kept = [LossScaler(1), ZeroStageEnum.gradients, fragment_address(numel=1, start=0)]
    torch.save([*kept, DynamicLossScaler(1, 2, 3, 4, 5, False, torch.float16)], tmp_path / "a.pt")
    assert load_engine_file(str(tmp_path / "a.pt"))[1:3] == kept[1:]


@uses("transformers", "HfDeepSpeedConfig", breaks="a base model is loaded whole on each rank of zero3")
def test_transformers_looks_for_a_living_configuration():
    from transformers.integrations import HfDeepSpeedConfig, is_deepspeed_zero3_enabled

    sharding = HfDeepSpeedConfig({"zero_optimization": {"stage": 3}})
    assert is_deepspeed_zero3_enabled()
    del sharding
    assert not is_deepspeed_zero3_enabled()
