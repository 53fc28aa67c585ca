"""Which library computes a click model, and that it makes no difference."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from click_models import noisy_view, write_click_model
from napari_medseg.core.errors import MedsegError
from napari_medseg.inference.clicks.graph import GraphMethod
from napari_medseg.inference.clicks.loading import computes_as_graph, load_click_method
from napari_medseg.inference.clicks.network import NetworkMethod
from napari_medseg.models.catalogue import find_model

HEADED = {"channels": [4, 8], "strides": [2], "num_res_units": 1, "norm": "INSTANCE", "head": 4}


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("network", [{}, {"arguments": HEADED}])
def test_with_and_without_torch_the_answer_is_the_same(tmp_path: Path, dims, network) -> None:
    folder = write_click_model(tmp_path, dims, **network)
    light, heavy = load_click_method(folder, "cpu"), NetworkMethod(find_model(str(folder)), device="cpu")
    assert isinstance(light, GraphMethod)
    assert (light.name, light.spatial_dims, light.side(dims)) == (heavy.name, heavy.spatial_dims, heavy.side(dims))
    for seed in range(4):
        view = noisy_view(light.side(dims), dims, seed=seed)
        found = light.chances(view)
        assert float(np.ptp(found)) > 0.01
        np.testing.assert_allclose(found, heavy.chances(view), atol=1e-5)


def test_what_the_graph_does_not_know_torch_computes(tmp_path: Path) -> None:
    other = {"channels": [4, 8], "strides": [2], "num_res_units": 1, "norm": "INSTANCE", "act": "relu"}
    assert isinstance(load_click_method(write_click_model(tmp_path, 2, arguments=other), "cpu"), NetworkMethod)


def test_a_graph_that_does_not_give_what_the_model_gave_is_not_used(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    from napari_medseg.models.network_files import load_network
    from napari_medseg.models.verify import write_test_vector
    from napari_medseg.training.packaging import write_card

    folder = find_model(str(write_click_model(tmp_path, 2)))
    card = folder.card.model_copy(update={"test_vector": "test_vector.safetensors"})
    folder = type(folder)(card, folder.path)
    write_card(folder)
    write_test_vector(load_network(folder), 6, 2, folder.path / "test_vector.safetensors")
    assert isinstance(load_click_method(folder.path, "cpu"), GraphMethod)
    vector = load_file(folder.path / "test_vector.safetensors")
    vector["scores"] = vector["scores"] + torch.linspace(0, 1, 64)
    save_file(vector, folder.path / "test_vector.safetensors")
    assert isinstance(load_click_method(folder.path, "cpu"), NetworkMethod)


def test_changed_weights_are_refused(tmp_path: Path) -> None:
    folder = write_click_model(tmp_path, 2)
    path = folder / "w.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\x00")
    with pytest.raises(MedsegError, match="not those of its card"):
        load_click_method(folder, "cpu")


def test_a_wish_for_another_device_is_torchs() -> None:
    assert computes_as_graph("cpu")
    assert not computes_as_graph("cuda")
    assert not computes_as_graph("mps")


def test_an_answer_on_the_processor_needs_no_torch(tmp_path: Path) -> None:
    folder = write_click_model(tmp_path, 2)
    code = (
        "import sys; sys.path[:0] = sys.argv[2:]\n"
        "from click_models import noisy_view\n"
        "from napari_medseg.inference.clicks.loading import load_click_method\n"
        "import napari_medseg.inference.worker.click_child\n"
        "load_click_method(sys.argv[1], 'cpu').chances(noisy_view(32, 2))\n"
        "print(*{'torch', 'monai', 'napari'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder), *sys.path], capture_output=True, check=False, text=True
    )
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "", "")
