"""Shared by all tests: no network, one thread, and the folder of real data if there is one."""

import os
import shutil
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["WANDB_MODE"] = "disabled"
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings
from toy_narrator import card, frames, make  # noqa: F401 (fixtures)

# No test fails for the time that an example takes, or its making.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


@pytest.fixture(scope="session", autouse=True)
def cache_of_the_tests(tmp_path_factory) -> None:
    """Tests leave nothing in the user's cache; processes that they start are given a folder, where it matters."""
    from vn.io import cache

    cache.CACHE = tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def real_data() -> Path:
    folder = os.environ.get("VN_REAL_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("VN_REAL_DATA names no folder of real data")
    return Path(folder)


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory) -> Path:
    """A folder with a random two-layer LLaMA and a byte-level BPE tokenizer."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("tiny-base")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split("\n", "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=["<s>", "</s>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    tokenizer.train_from_iterator(["Script label: Sore Point Product Effect the red kettle boils tea"] * 4, trainer)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>").save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=4096,
        initializer_range=0.2,  # so that a frozen head can be sure of anything
        bos_token_id=0,
        eos_token_id=1,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def wide_base(tiny_base, tmp_path_factory) -> Path:
    """The tiny base with layers 64 wide, as weights in 4 bits ask for."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("wide-base") / "base"
    shutil.copytree(tiny_base, folder)
    torch.manual_seed(0)
    config = LlamaConfig.from_pretrained(folder, hidden_size=64, intermediate_size=128, head_dim=16)
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tied_base(wide_base, tmp_path_factory) -> Path:
    """The wide base with one weight for the head and the input embedding."""
    import torch
    from safetensors import safe_open
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("tied-base") / "base"
    shutil.copytree(wide_base, folder)
    torch.manual_seed(0)
    LlamaForCausalLM(LlamaConfig.from_pretrained(folder, tie_word_embeddings=True)).save_pretrained(folder)
    with safe_open(folder / "model.safetensors", "pt") as file:
        assert "lm_head.weight" not in file.keys()  # noqa: SIM118 (no dictionary)
    return folder


@pytest.fixture(scope="session")
def data(tmp_path_factory) -> Path:
    """A data folder of made-up videos."""
    from made_up import write_data

    return write_data(tmp_path_factory.mktemp("data"))


@pytest.fixture
def experiment(tmp_path, tiny_base, data):
    """A toy experiment on `data` with `tiny_base`."""
    from toy_experiment import Experiment

    return Experiment(tmp_path, tiny_base, data)


@pytest.fixture(scope="session")
def smoke_demo(tmp_path_factory) -> Path:
    """The smallest demo, run once for all tests: the folder with its world, shards, run and story."""
    from vn.cli import main

    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:  # each process has a folder of its own, side by side
        root = root.parent
    folder, made = root / "demo", root / "demo-made"
    with FileLock(root / "demo.lock"):
        if not made.exists():
            with pytest.MonkeyPatch.context() as patch:
                patch.chdir(Path(__file__).parents[1])
                assert main(["demo", "--size", "smoke", "--work", str(folder)]) == 0
            made.touch()
    return folder
