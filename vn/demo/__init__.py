"""The demo world: short product videos with known storylines, and a small language model to narrate them with."""
