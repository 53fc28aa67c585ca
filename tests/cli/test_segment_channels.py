"""Several files for a model that reads several images at once."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_medseg import Geometry, Volume, write_volume
from napari_medseg.cli.command_line import main
from napari_medseg.cli.segment import are_channels, find_series
from napari_medseg.models.card import ModelCard


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """The folder of a small random U-Net that reads T1 and T2."""
    import torch

    from napari_medseg.models.networks import build_network
    from napari_medseg.models.weights import save_weights

    arguments = {"channels": [4, 8], "strides": [2], "num_res_units": 0, "norm": "INSTANCE"}
    values: dict[str, Any] = {
        "name": "two",
        "title": "Two at once",
        "description": "",
        "task": "semantic",
        "modality": ["MR"],
        "body_part": "",
        "network": {"family": "unet", "spatial_dims": 3, "in_channels": 2, "out_channels": 2, "arguments": arguments},
        "labels": [{"value": 1, "name": "thing", "colour": "#ff0000"}],
        "input": {"window": [16, 16, 16], "channels": [{"name": "T1"}, {"name": "T2"}]},
        "licence": "",
        "intended_use": "",
        "limitations": "",
        "weights": {"file": "weights.safetensors", "sha256": "0" * 64, "size_bytes": 1, "dtype": "float32"},
    }
    folder = tmp_path / "two"
    folder.mkdir()
    torch.manual_seed(0)
    network = build_network(ModelCard.model_validate(values).network)
    weights = save_weights(network.state_dict(), folder / "weights.safetensors")
    card = ModelCard.model_validate({**values, "weights": weights.model_dump()})
    (folder / "card.json").write_text(card.model_dump_json())
    return folder


def test_an_image_each_is_one_case(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = []
    for number in range(2):
        values = np.random.default_rng(number).normal(100, 20, (16, 14, 12)).astype(np.float32)
        path = tmp_path / f"t{number + 1}.nii.gz"
        write_volume(Volume(values, Geometry.from_matrix(values.shape, np.eye(4)), modality="MR"), path)
        paths.append(path)
    told = argparse.Namespace(paths=paths, model=str(model))
    assert are_channels(told, find_series(paths, lambda *_: None)[0])
    assert not are_channels(argparse.Namespace(paths=paths[:1], model=str(model)), find_series(paths[:1], print)[0])
    target = tmp_path / "labels.nii.gz"
    options = ["--model", str(model), "--device", "cpu"]
    assert main(["segment", *map(str, paths), *options, "--output", str(target)]) == 0
    assert target.is_file()
    assert "thing" in capsys.readouterr().out
    assert main(["segment", str(paths[0]), *options, "--output", str(tmp_path / "other.nii.gz")]) == 1
    assert "2 images of the same patient at once (T1, T2)" in capsys.readouterr().err
