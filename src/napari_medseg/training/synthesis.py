"""Images made from label maps: T1-like contrast with random means, as in SynthSeg.

Billot et al., SynthSeg, Medical Image Analysis 2023; here with T1's order of tissues, since only their shapes and the
surroundings are to be learnt from them.
"""

from __future__ import annotations

import torch

from napari_medseg.training.augmentation import blur, chance, uniform

# FreeSurfer's numbers. Brightness in T1, where white matter is 1 and air 0.
_BRIGHTNESS = {
    0.12: (4, 5, 14, 15, 24, 43, 44, 72),  # ventricles and other fluid
    0.55: (3, 42, 8, 47, 17, 53, 18, 54, 26, 58, 11, 50),  # cortex, hippocampus, amygdala, accumbens, caudate
    0.65: (12, 51, 10, 49),  # putamen, thalamus
    0.78: (13, 52, 28, 60),  # pallidum, ventral diencephalon
    0.85: (16, 85),  # brain stem, chiasm
    1.0: (2, 41, 7, 46),  # white matter
}
_N_LABELS = 1024


def random_contrast(labels: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Give each label of a window (i, j, k) of FreeSurfer numbers an intensity, then blur and add noise.

    Labels that have no known brightness (outside the brain) get any.
    """
    means = torch.rand(_N_LABELS, generator=generator)
    for brightness, values in _BRIGHTNESS.items():
        for value in values:
            means[value] = brightness
    means[0] = 0
    means[1:] += torch.randn(_N_LABELS - 1, generator=generator) * 0.03
    deviations = torch.rand(_N_LABELS, generator=generator) * 0.06
    index = labels.long()
    image = means[index] + deviations[index] * torch.randn(labels.shape, generator=generator)
    image = blur(image, uniform(0.4, 0.9, generator))
    if chance(0.7, generator):
        image = image + torch.randn(labels.shape, generator=generator) * uniform(0, 0.05, generator)
    return image
