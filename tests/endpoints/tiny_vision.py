"""A language model with a vision tower and a chat template, small enough to be made in a test; random weights."""

from __future__ import annotations

from pathlib import Path

TURNS = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<image>{% else %}{{ part['text'] }}{% endif %}{% endfor %}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SIDE, PATCH, CONTEXT = 16, 8, 256
PATCHES = (SIDE // PATCH) ** 2


def make_vision_model(folder: Path) -> Path:
    """LLaVA's shape: a frame is four tokens, a byte is one."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import (
        CLIPVisionConfig,
        LlamaConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
        PreTrainedTokenizerFast,
    )
    from transformers.models.llava.image_processing_pil_llava import LlavaImageProcessorPil

    special = ["<pad>", "<s>", "</s>", "<image>", "<|im_start|>", "<|im_end|>"]
    names = {name: n for n, name in enumerate([*special, *sorted(pre_tokenizers.ByteLevel.alphabet())])}
    bytes_alone = Tokenizer(models.BPE(vocab=names, merges=[]))
    bytes_alone.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytes_alone.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bytes_alone,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        additional_special_tokens=special[3:],
    )
    small = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(**small, image_size=SIDE, patch_size=PATCH),
        text_config=LlamaConfig(
            **small, vocab_size=len(tokenizer), max_position_embeddings=CONTEXT, initializer_range=0.3, eos_token_id=2
        ),
        image_token_index=names["<image>"],
    )
    torch.manual_seed(0)
    LlavaForConditionalGeneration(config).save_pretrained(folder)
    size = {"height": SIDE, "width": SIDE}
    frames = LlavaImageProcessorPil(size={"shortest_edge": SIDE}, crop_size=size)
    processor = LlavaProcessor(
        frames, tokenizer, PATCH, "default", TURNS, image_token="<image>", num_additional_image_tokens=1
    )
    processor.save_pretrained(folder)
    return folder
