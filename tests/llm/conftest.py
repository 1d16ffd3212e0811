from conftest_llm import card, make, frames  # noqa: F401
