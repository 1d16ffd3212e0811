"""Parameters of a request that not all models take: newer ones of OpenAI name the limit otherwise, and sample always.

They think before they reply, within the same limit of tokens, so it is raised for them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

THINKING = 8192  # tokens besides the reply's


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a model takes; it is found by what it refuses.

    Attributes:
        max_tokens: whether the limit of tokens is ``max_tokens``; otherwise it is ``max_completion_tokens``.
        temperature: whether it can be 0; otherwise the model's own is used.
    """

    max_tokens: bool = True
    temperature: bool = True

    def of(self, max_tokens: int) -> dict[str, Any]:
        """The parameters of a request whose reply may have a number of tokens."""
        limit = {"max_tokens": max_tokens} if self.max_tokens else {"max_completion_tokens": max_tokens + THINKING}
        return limit | ({"temperature": 0.0} if self.temperature else {})

    def without_refused(self, error: Any) -> Parameters | None:
        """The parameters without the one that an error of the client refuses; None if it is about something else.

        Each can be refused once, so a request is sent three times at most.
        """
        message = str(error).lower()
        if not str(error.code).startswith("unsupported") and "support" not in message:
            return None
        for name in ("max_tokens", "temperature"):
            named = error.param == name or (error.param is None and f"'{name}'" in message)
            if named and getattr(self, name):
                return replace(self, **{name: False})
        return None
