"""Vision-language models small enough to be made in a test, as folders: real processors, random weights."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import (
    CLIPVisionConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLProcessor,
    Qwen2VLImageProcessor,
    Qwen2VLVideoProcessor,
    SmolVLMConfig,
    SmolVLMForConditionalGeneration,
    SmolVLMImageProcessor,
    SmolVLMProcessor,
    SmolVLMVideoProcessor,
    VideoLlavaConfig,
    VideoLlavaForConditionalGeneration,
    VideoLlavaImageProcessor,
    VideoLlavaProcessor,
    VideoLlavaVideoProcessor,
)
from transformers.models.llava.image_processing_pil_llava import LlavaImageProcessorPil

SIDE, PATCH, WIDTH = 16, 8, 32
CONTEXT = 8192
TURNS = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{% for part in message['content'] %}"
    "{% if part['type'] == 'video' %}<|vision_start|><|video_pad|><|vision_end|>{% elif part['type'] == 'image' %}"
    "<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ part['text'] }}{% endif %}{% endfor %}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def tokenizer_of(*special: str, starts: bool) -> PreTrainedTokenizerFast:
    """Bytes as tokens, after the special ones; `starts`: ``<s>`` is put in front of a text, as with LLaMA."""
    names = ["<pad>", "<s>", "</s>", "<unk>", *special]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {name: n for n, name in enumerate([*names, *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    if starts:
        tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        additional_special_tokens=list(special),
    )


def llama(vocabulary: int) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=WIDTH,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=CONTEXT,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
    )


def clip_vision() -> CLIPVisionConfig:
    return CLIPVisionConfig(
        hidden_size=WIDTH,
        intermediate_size=64,
        num_hidden_layers=3,
        num_attention_heads=4,
        image_size=SIDE,
        patch_size=PATCH,
    )


def spread(model: torch.nn.Module) -> torch.nn.Module:
    """Weights so large that what is written depends on every token."""
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1:
                weight.normal_(0, 0.25)
    return model


def make_llava(folder: Path, seed: int = 0) -> Path:
    """LLaVA-1.5's shape, without a chat template, as in its early folders."""
    torch.manual_seed(seed)
    tokenizer = tokenizer_of("<image>", starts=True)
    config = LlavaConfig(
        vision_config=clip_vision(),
        text_config=llama(len(tokenizer)),
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
    )
    spread(LlavaForConditionalGeneration(config)).save_pretrained(folder)
    size = {"height": SIDE, "width": SIDE}
    images = LlavaImageProcessorPil(size={"shortest_edge": SIDE}, crop_size=size)
    LlavaProcessor(
        images, tokenizer, PATCH, "default", image_token="<image>", num_additional_image_tokens=1
    ).save_pretrained(folder)
    return folder


def make_video_llava(folder: Path, seed: int = 0) -> Path:
    """Video-LLaVA's shape, without a chat template."""
    torch.manual_seed(seed)
    tokenizer = tokenizer_of("<image>", "<video>", starts=True)
    config = VideoLlavaConfig(
        vision_config=clip_vision(),
        text_config=llama(len(tokenizer)),
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        video_token_index=tokenizer.convert_tokens_to_ids("<video>"),
        image_seq_length=(SIDE // PATCH) ** 2,
        video_seq_length=((SIDE // PATCH) ** 2 + 1) * 8,
    )
    spread(VideoLlavaForConditionalGeneration(config)).save_pretrained(folder)
    size = {"height": SIDE, "width": SIDE}
    shapes = {"size": {"shortest_edge": SIDE}, "crop_size": size}
    VideoLlavaProcessor(
        VideoLlavaImageProcessor(**shapes), VideoLlavaVideoProcessor(**shapes), tokenizer, PATCH
    ).save_pretrained(folder)
    return folder


def make_qwen(folder: Path, seed: int = 0) -> Path:
    """Qwen2.5-VL's shape, with a chat template."""
    torch.manual_seed(seed)
    special = ("<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")
    tokenizer = tokenizer_of(*special, starts=False)
    ids = dict(zip(special, tokenizer.convert_tokens_to_ids(list(special)), strict=True))
    text = {
        "vocab_size": len(tokenizer),
        "hidden_size": WIDTH,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": CONTEXT,
        "rope_parameters": {"rope_type": "default", "mrope_section": [2, 1, 1], "rope_theta": 10000.0},
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 0,
    }
    vision = {
        "depth": 2,
        "hidden_size": WIDTH,
        "intermediate_size": 64,
        "num_heads": 4,
        "patch_size": PATCH,
        "spatial_merge_size": 2,
        "temporal_patch_size": 2,
        "tokens_per_second": 2,
        "window_size": 32,
        "out_hidden_size": WIDTH,
        "fullatt_block_indexes": [1],
    }
    config = Qwen2_5_VLConfig(
        text_config=text,
        vision_config=vision,
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
    )
    spread(Qwen2_5_VLForConditionalGeneration(config)).save_pretrained(folder)
    shapes = {"patch_size": PATCH, "temporal_patch_size": 2, "merge_size": 2}
    shapes["size"] = {"shortest_edge": 32 * 32, "longest_edge": 32 * 64}
    Qwen2_5_VLProcessor(
        Qwen2VLImageProcessor(**shapes), tokenizer, Qwen2VLVideoProcessor(**shapes), chat_template=TURNS
    ).save_pretrained(folder)
    return folder


def make_smolvlm(folder: Path, seed: int = 0) -> Path:
    """SmolVLM's shape; its processor needs the package num2words."""
    torch.manual_seed(seed)
    special = ("<|im_start|>", "<end_of_utterance>", "<fake_token_around_image>", "<image>", "<global-img>", "<video>")
    tokenizer = tokenizer_of(*special, starts=False)
    image = tokenizer.convert_tokens_to_ids("<image>")
    vision = {
        "hidden_size": WIDTH,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "image_size": 32,
        "patch_size": 8,
    }
    text = llama(len(tokenizer)).to_dict()
    config = SmolVLMConfig(vision_config=vision, text_config=text, image_token_id=image, scale_factor=2, pad_token_id=0)
    spread(SmolVLMForConditionalGeneration(config)).save_pretrained(folder)
    shapes = {"size": {"longest_edge": 32}, "max_image_size": {"longest_edge": 32}}
    SmolVLMProcessor(
        SmolVLMImageProcessor(**shapes),
        tokenizer,
        SmolVLMVideoProcessor(
            **shapes, video_sampling={"fps": 1, "max_frames": 64, "video_size": {"longest_edge": 32}}
        ),
        image_seq_len=4,
        chat_template=TURNS.replace("<|vision_start|><|image_pad|><|vision_end|>", "<image>"),
    ).save_pretrained(folder)
    return folder
