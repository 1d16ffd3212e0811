"""A trained narrator for stock transformers or PEFT."""
