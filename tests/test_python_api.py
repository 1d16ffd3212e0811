"""vn as a library: the names it exports, what importing it costs, and docs/python.md."""

import ast
import doctest
import importlib
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest
from user_folder import user_folder  # noqa: F401 (a fixture)

import vn
from vn.errors import InputError

ROOT = Path(__file__).parents[1]
HEAVY = ("torch", "lightning", "transformers", "peft", "numpy", "yaml", "jieba")


def in_a_new_process(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_vn_loads_nothing_heavy_and_changes_nobodys_logger():
    code = f"""
import logging, sys
import vn
assert set(vn.__all__) <= set(dir(vn))
print([name for name in {HEAVY} if name in sys.modules], sorted(logging.root.manager.loggerDict), logging.root.handlers)
"""
    assert in_a_new_process(code) == "[] [] []"


def test_the_domain_needs_no_torch():
    code = "import sys, vn; vn.Story, vn.Clip, vn.ScriptLabel; print('torch' in sys.modules)"
    assert in_a_new_process(code) == "False"


def test_every_name_is_itself_also_after_everything_is_imported():
    """A name that were a subpackage too would be replaced by it."""
    first = {name: getattr(vn, name) for name in vn.__all__}
    for module in pkgutil.walk_packages(vn.__path__, "vn."):
        if not module.name.endswith(("_worker", "__main__")) and module.name.split(".")[1] not in (
            "experiments",
            "sweeps",
        ):
            importlib.import_module(module.name)
    assert {name: getattr(vn, name) for name in vn.__all__} == first
    assert not any(isinstance(value, type(vn)) for value in first.values())


def test_the_names_for_type_checkers_are_the_same():
    tree = ast.parse((ROOT / "vn" / "__init__.py").read_text())
    typed = {
        (alias.name, node.module)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if str(node.module).startswith("vn.")
    }
    assert {pair for pair in typed if pair[0] in vn.__all__} == {(name, vn._HOMES[name]) for name in vn.__all__}
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = vn.nothing


@pytest.mark.parametrize("name", sorted(vn.__all__))
def test_every_name_has_an_example_that_runs(name, user_folder):  # noqa: F811
    found = getattr(vn, name)
    assert "Example:" in (found.__doc__ or "")
    module = sys.modules[found.__module__]
    example = doctest.DocTestParser().get_doctest(found.__doc__, {**vars(module), "vn": vn}, name, None, None)
    assert example.examples
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert runner.run(example).failed == 0


def test_the_page_on_python_is_true(user_folder):  # noqa: F811
    text = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    names: dict = {}
    for number, block in enumerate(re.findall(r"```python\n(.*?)```", text, re.DOTALL)):
        exec(compile(block, f"docs/python.md, block {number}", "exec"), names)
    assert (user_folder / "story" / "story.vtt").is_file()
    assert (user_folder / "runs" / "new" / "scores.json").is_file()
    assert names["loss"].item() > 0
    assert names["module"].hparams["base_model"] == "models/tiny"


def test_a_trainer_that_reloads_never_sees_every_epoch_in_its_own_order(user_folder):  # noqa: F811
    import lightning as L

    keys: list[list[str]] = []

    class Keys(L.Callback):
        def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
            keys.append(batch.keys)

    data = vn.StoryDataModule("data/mine", clips_per_step=8, workers=0)
    how = {"accelerator": "cpu", "logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    L.Trainer(max_epochs=3, callbacks=[Keys()], **how).fit(vn.NarratorModule("models/tiny"), data)
    lengths = [len(data.schedule.epoch(epoch)) for epoch in range(3)]
    assert len(keys) == sum(lengths)
    first, second = keys[: lengths[0]], keys[lengths[0] : lengths[0] + lengths[1]]
    assert sorted(k for step in first for k in step) == sorted(k for step in second for k in step)
    assert first != second


def test_a_checkpoint_is_refused_with_what_to_call():
    with pytest.raises(InputError, match=r"vn\.load_adapter\(folder\)"):
        vn.NarratorModule.load_from_checkpoint("last.ckpt")


def test_a_setting_that_is_none_is_refused():
    with pytest.raises(TypeError, match="ranks"):
        vn.NarratorModule("models/tiny", ranks=3)
