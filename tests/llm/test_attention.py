import pytest
from transformers import LlamaConfig, MistralConfig, Qwen2Config

from vn.errors import InputError
from vn.llm.base import check_window


@pytest.mark.parametrize(
    ("config", "refused"),
    [
        (LlamaConfig(), False),
        (MistralConfig(sliding_window=100), True),
        (MistralConfig(sliding_window=128), False),
        (MistralConfig(sliding_window=None), False),
        (Qwen2Config(sliding_window=100, use_sliding_window=False), False),
        (Qwen2Config(sliding_window=100, use_sliding_window=True), True),
    ],
)
def test_a_window_shorter_than_a_row_is_refused(config, refused):
    if refused:
        with pytest.raises(
            InputError, match=r"model\.max_length: the base model attends to 100 tokens back, fewer than the 128"
        ):
            check_window(config, 128)
    else:
        check_window(config, 128)
