from conftest_llm import card, frames, make  # noqa: F401
