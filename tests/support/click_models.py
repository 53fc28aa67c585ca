"""Click models with random weights, as folders: what they find means nothing, but it is the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from napari_medseg.inference.clicks import WindowView
from napari_medseg.inference.clicks.maps import WindowPrompts
from napari_medseg.models.card import ModelCard

SIDES = {2: 32, 3: 16}


def write_click_model(parent: Path, dims: int, *, seed: int = 1, **network: Any) -> Path:
    """Write a tiny model for slices (2) or volumes (3), and return its folder."""
    import torch

    from napari_medseg.models.networks import build_network
    from napari_medseg.models.weights import save_weights

    folder = parent / f"click-tiny-{dims}d-{seed}"
    folder.mkdir()
    card = ModelCard.model_validate(
        {
            "name": folder.name,
            "title": f"Tiny clicks {dims}-D",
            "description": "Random weights for tests.",
            "task": "clicks",
            "modality": (),
            "body_part": "any",
            "network": {
                "family": "unet",
                "spatial_dims": dims,
                "in_channels": 6,
                "out_channels": 1,
                "arguments": {"channels": [4, 8], "strides": [2], "num_res_units": 1, "norm": "INSTANCE"},
                **network,
            },
            "labels": [{"value": 1, "name": "Object", "colour": "#ffb000"}],
            "input": {"window": [SIDES[dims]] * dims, "intensity": {"kind": "zscore", "scope": "window"}},
            "licence": "BSD-3-Clause",
            "intended_use": "Tests.",
            "limitations": "Finds nothing real.",
            "weights": {"file": "w.safetensors", "sha256": "0" * 64, "size_bytes": 1, "dtype": "float32"},
        }
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        built = build_network(card.network)
    weights = save_weights(built.state_dict(), folder / "w.safetensors", "float32")
    (folder / "card.json").write_text(card.model_copy(update={"weights": weights}).model_dump_json())
    return folder


def noisy_view(side: int, dims: int, *, seed: int = 0, region: bool = False) -> WindowView:
    """Return a window of noise with a click on each side of an object so far."""
    random = np.random.default_rng(seed)
    shape = (side,) * dims
    inside = np.ones(shape, bool)
    inside[:2] = False
    box = np.zeros(shape, bool)
    box[tuple(slice(2, side - 2) for _ in shape)] = True
    prompts = WindowPrompts(random.uniform(2, side - 3, (2, dims)), random.uniform(2, side - 3, (1, dims)))
    if region:
        prompts = WindowPrompts(prompts.positive, prompts.negative, box)
    image = random.normal(size=shape).astype(np.float32)
    return WindowView(image, inside, prompts, (random.random(shape) < 0.2).astype(np.float32))
