"""Pretrained encoders, complete or not at all: a missing weight would be a random number in a score."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vn.errors import InputError
from vn.extras import require
from vn.io.loaded import check_whole


def load_whole(name: str | Path, needless: Sequence[str] = ()) -> Any:
    """A model of transformers with all of its weights, in evaluation mode.

    Args:
        name: a folder, or a name on the Hugging Face hub (whose files must be in its cache when offline).
        needless: prefixes of weights that the caller does not use, which may be missing and are then zeros.

    Raises:
        InputError: there is no such model, or weights are missing.
    """
    require("transformers", "torch")
    from transformers import AutoModel
    from transformers.utils import logging

    logging.disable_progress_bar()
    before = logging.get_verbosity()
    logging.set_verbosity_error()  # it would warn of the weights that are checked here
    try:
        model, report = AutoModel.from_pretrained(str(name), output_loading_info=True)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"no weights here: {str(error).splitlines()[0]}", file=name) from None
    finally:
        logging.set_verbosity(before)
    missing = list(report["missing_keys"])
    unused = [key for key in missing if key.startswith(tuple(needless))]
    check_whole([key for key in missing if key not in unused], name)
    check_whole([key for key, *_ in report.get("mismatched_keys", ())], name)
    model.eval().requires_grad_(False)
    for key in unused:  # else random, and so would be the hash of the weights
        model.state_dict()[key].zero_()
    return model
