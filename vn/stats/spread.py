"""How some numbers are spread, without keeping more of them than the numbers themselves."""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np

PERCENTILES = (5, 50, 95)


class Spread:
    """Collects numbers and the names of the smallest and the largest of them.

    >>> seconds = Spread()
    >>> for name, value in (("a", 2.0), ("b", 9.0), ("c", 4.0)):
    ...     seconds.add(value, name)
    >>> seconds.to_dict()["median"], seconds.to_dict()["most"]
    (4.0, {'value': 9.0, 'of': 'b'})
    """

    def __init__(self) -> None:
        self.values = array("d")
        self._least: tuple[float, str] | None = None
        self._most: tuple[float, str] | None = None

    def add(self, value: float, name: str) -> None:
        """Add a number; of equal ones the first is named."""
        self.values.append(value)
        if self._least is None or value < self._least[0]:
            self._least = value, name
        if self._most is None or value > self._most[0]:
            self._most = value, name

    def to_dict(self) -> dict[str, Any] | None:
        """Count, sum, mean, standard deviation, percentiles (linear between values) and both ends; None without any."""
        if self._least is None or self._most is None:
            return None
        values = np.asarray(self.values)
        low, median, high = (float(x) for x in np.percentile(values, PERCENTILES))
        return {
            "count": len(values),
            "sum": float(values.sum()),
            "mean": float(values.mean()),
            "sd": float(values.std(ddof=1)) if len(values) > 1 else 0.0,
            "p5": low,
            "median": median,
            "p95": high,
            "least": {"value": self._least[0], "of": self._least[1]},
            "most": {"value": self._most[0], "of": self._most[1]},
        }

    def histogram(self, width: float, last: float) -> list[int]:
        """How many values are in [0, width), [width, 2 width) and so on; the last bin has `last` and all above."""
        bins = np.minimum(np.asarray(self.values), last) // width
        return [int(n) for n in np.bincount(bins.astype(int), minlength=int(last // width) + 1)]
