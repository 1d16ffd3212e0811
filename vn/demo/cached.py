"""Fingerprints for caching: results are reused until something that they were made from changes."""

from __future__ import annotations

import hashlib
import inspect
import json
from types import ModuleType
from typing import Any


def fingerprint(*modules: ModuleType, **settings: Any) -> str:
    """A hash of the code that makes something, and of its settings.

    Args:
        modules: modules whose source determines the result.
        settings: JSON values.
    """
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for module in modules:
        digest.update(inspect.getsource(module).encode())
    return digest.hexdigest()
