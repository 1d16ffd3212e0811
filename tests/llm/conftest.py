from toy_narrator import card, frames, make  # noqa: F401
