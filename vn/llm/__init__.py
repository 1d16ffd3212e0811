"""The language path: loading, LoRA, packing, generation."""
