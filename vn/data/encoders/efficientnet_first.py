"""The first revision of ``efficientnet-lite0``: the same network by the package that its weights come with.

Adapters and data folders that name ``efficientnet-lite0`` without a revision were made with it, and go on with it bit
for bit (`vn.data.encoders.revisions`).
"""

from __future__ import annotations

from vn.data.encoders.efficientnet import Features, LiteEncoder


class FirstEfficientNetLite0(LiteEncoder):
    """See `LiteEncoder`; revision 1.

    Args:
        fps: frames per second to sample.
    """

    id = "efficientnet-lite0"

    def __init__(self, fps: float = 1.0) -> None:
        super().__init__(fps)

    def load(self) -> Features:
        """See `LiteEncoder.load`."""
        from vn.data.encoders.first_features import FirstFeatures

        return FirstFeatures(self.weights)
