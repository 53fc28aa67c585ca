"""Features of boxes, cut out by all cores."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from torchvision.ops import MultiScaleRoIAlign

_FEWEST = 64
"""Boxes from which on a second thread pays."""


class BoxPooling(MultiScaleRoIAlign):  # type: ignore[misc]  # torchvision has no types
    """Torchvision's pooling, which computes on one core, done side by side for parts of the boxes.

    It is the largest part of a Mask R-CNN with a light backbone. Each box is computed as before, so nothing changes but
    the time. In training, and on other devices, it is torchvision's own.
    """

    def forward(
        self, x: dict[str, torch.Tensor], boxes: list[torch.Tensor], image_shapes: list[tuple[int, int]]
    ) -> torch.Tensor:
        """Return features, shape (boxes, channel, side, side); see `torchvision.ops.MultiScaleRoIAlign`."""
        n_parts = min(torch.get_num_threads(), len(boxes[0]) // _FEWEST) if len(boxes) == 1 else 1
        if self.training or boxes[0].device.type != "cpu" or n_parts < 2:
            return _tensor(super().forward(x, boxes, image_shapes))
        whole = super().forward  # found here: inside a function in a thread `super` finds nothing

        def pool(part: torch.Tensor) -> torch.Tensor:
            with torch.inference_mode(inferring):  # every thread has a mode of its own
                return _tensor(whole(x, [part], image_shapes))

        inferring = torch.is_inference_mode_enabled()
        with ThreadPoolExecutor(n_parts) as threads:
            return torch.cat(list(threads.map(pool, boxes[0].chunk(n_parts))))


def _tensor(value: Any) -> torch.Tensor:
    assert isinstance(value, torch.Tensor)
    return value
