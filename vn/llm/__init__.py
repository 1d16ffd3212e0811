"""The language path: loading, LoRA, rows, packing, attention."""
