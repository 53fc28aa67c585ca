"""The fastest way to compute on the processor: same labels, tried once, remembered."""

from __future__ import annotations

import json

import pytest
import torch

from napari_medseg.inference.backends import choice, store
from napari_medseg.inference.backends.choice import CpuNetworks
from napari_medseg.inference.backends.network import TorchNetwork
from napari_medseg.inference.backends.openvino_network import OpenVinoNetwork

WINDOW = (16, 12, 8)


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    monkeypatch.setattr(store, "cache_folder", lambda: tmp_path / "networks")
    return tmp_path / "networks"


@pytest.fixture
def network():
    torch.manual_seed(0)
    layers = [torch.nn.Conv3d(1, 8, 3, padding=1), torch.nn.InstanceNorm3d(8), torch.nn.PReLU()]
    return torch.nn.Sequential(*layers, torch.nn.Conv3d(8, 3, 3, padding=1)).eval().requires_grad_(False)


@pytest.fixture
def networks(network, make_card, monkeypatch):
    monkeypatch.setattr(choice, "_PAYS_FROM_S", 0.0)
    return CpuNetworks(network, make_card(window=WINDOW))


def window():
    return torch.randn(1, 1, *WINDOW, generator=torch.Generator().manual_seed(1))


class Faster:
    """A way that takes no time, and gives what it is told to."""

    name = "wings"

    def __init__(self, scores):
        self.scores = scores

    def __call__(self, batch):
        return self.scores


def test_openvino_gives_the_scores_of_torch(network, folder):
    pytest.importorskip("openvino")
    converted = OpenVinoNetwork(network, (1, *WINDOW), "key")
    windows = torch.randn(3, 1, *WINDOW)
    torch.testing.assert_close(converted(windows), network(windows), atol=1e-4, rtol=1e-4)
    kept = sorted(path.name for path in (folder / "key").iterdir())
    assert kept == ["network.bin", "network.xml"]
    again = OpenVinoNetwork(torch.nn.Identity(), (1, *WINDOW), "key")  # converts nothing: it is kept
    torch.testing.assert_close(again(windows), converted(windows))


def test_onnx_runtime_gives_the_scores_of_torch(network):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    from napari_medseg.inference.backends.onnxruntime_network import OnnxRuntimeNetwork

    exported = OnnxRuntimeNetwork(network, (1, *WINDOW))
    windows = torch.randn(2, 1, *WINDOW)
    torch.testing.assert_close(exported(windows), network(windows), atol=1e-4, rtol=1e-4)


def test_a_faster_way_with_the_same_labels_is_taken_and_remembered(networks, network, monkeypatch, folder):
    monkeypatch.setattr(networks, "_ways", lambda: {"torch": lambda: None, "wings": lambda: Faster(network(window()))})
    assert networks.fastest(100, window).name == "wings"
    assert list(json.loads((folder / "choices.json").read_text()).values()) == ["wings"]
    monkeypatch.setattr(networks, "_try_all", lambda one: pytest.fail("it was tried again"))
    networks._chosen = None  # as in another session
    assert networks.fastest(1, window).name == "wings"


def test_a_faster_way_with_other_labels_is_not_taken(networks, network, monkeypatch):
    wrong = network(window()).roll(1, dims=1)
    monkeypatch.setattr(networks, "_ways", lambda: {"torch": lambda: None, "wings": lambda: Faster(wrong)})
    assert networks.fastest(100, window).name == "torch"


@pytest.mark.parametrize("scores", [torch.full((1, 3, *WINDOW), torch.nan), torch.zeros(1, 2, *WINDOW)])
def test_a_way_that_gives_nonsense_is_not_taken(networks, monkeypatch, scores):
    monkeypatch.setattr(networks, "_ways", lambda: {"wings": lambda: Faster(scores)})
    assert networks.fastest(100, window).name == "torch"


def test_agreement_on_background_is_not_enough(networks, network, monkeypatch):
    """A network that was converted to a constant: background everywhere, as in this window."""
    seen = torch.zeros(1, 3, *WINDOW)
    seen[:, 0] = 5
    monkeypatch.setattr(networks._torch, "_network", lambda batch: seen + batch * 0.1)
    monkeypatch.setattr(networks, "_ways", lambda: {"wings": lambda: Faster(seen)})
    assert networks.fastest(100, window).name == "torch"


def test_reduced_precision_must_find_the_same_structures():
    reference = torch.zeros(1, 2, 10, 10, 10)
    reference[:, 0] = 1
    assert not choice._nearly_agree(reference, reference), "nothing is seen in it"
    reference[:, 1, 4:6, 4:6, 4:6] = 2
    missed = reference.clone()
    missed[:, 1, 4] = 0  # four of 1000 voxels, half of the structure
    assert choice._nearly_agree(reference + 0.01, reference)
    assert not choice._nearly_agree(missed, reference)


def test_a_full_disk_is_no_choice_for_ever(networks, monkeypatch, folder):
    def full():
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(networks, "_ways", lambda: {"wings": full})
    assert networks.fastest(100, window).name == "torch"
    assert not (folder / "choices.json").exists()


def test_two_processes_that_convert_at_once_both_go_on(folder):
    def slower(place):
        (place / "file").write_text("mine")
        store.kept_folder("key", lambda other: (other / "file").write_text("theirs"))

    assert (store.kept_folder("key", slower) / "file").read_text() == "theirs"
    assert [one.name for one in folder.iterdir()] == ["key"]


def test_a_conversion_that_cannot_be_read_is_made_again(network, folder):
    pytest.importorskip("openvino")
    OpenVinoNetwork(network, (1, *WINDOW), "key")
    (folder / "key" / "network.xml").write_text("cut sho")
    with pytest.raises(RuntimeError):
        OpenVinoNetwork(network, (1, *WINDOW), "key")
    windows = torch.randn(1, 1, *WINDOW)
    torch.testing.assert_close(
        OpenVinoNetwork(network, (1, *WINDOW), "key")(windows), network(windows), atol=1e-4, rtol=1e-4
    )


def test_a_way_that_fails_is_not_taken(networks, monkeypatch):
    def broken():
        raise RuntimeError("no rule to convert this layer")

    monkeypatch.setattr(networks, "_ways", lambda: {"wings": broken})
    assert networks.fastest(100, window).name == "torch"
    store.remember_choice(networks._key, "wings")
    networks._chosen = None
    assert networks.fastest(100, window).name == "torch"


def test_short_work_is_not_worth_a_trial(network, make_card, monkeypatch):
    networks = CpuNetworks(network, make_card(window=WINDOW))
    monkeypatch.setattr(networks, "_try_all", lambda one: pytest.fail("it was tried"))
    assert networks.fastest(1, window).name == "torch"
    assert networks.fastest(100, window).name == "torch"


def test_much_short_work_is_worth_a_trial_in_the_end(network, make_card, monkeypatch):
    networks = CpuNetworks(network, make_card(window=WINDOW))
    way = networks.fastest(1, window)
    assert isinstance(way, TorchNetwork)
    way(window())
    way.seconds = choice._PAYS_FROM_S
    monkeypatch.setattr(networks, "_ways", lambda: {"wings": lambda: Faster(network(window()))})
    assert networks.fastest(1, window).name == "wings"


def test_where_there_is_nothing_to_see_nothing_is_tried(networks):
    assert networks.fastest(100, lambda: None).name == "torch"


def test_old_conversions_go_and_half_made_ones_never_count(folder):
    for number in range(store._KEPT + 3):
        store.kept_folder(f"key{number}", lambda place: (place / "file").write_text("x"))
    assert len([one for one in folder.iterdir() if one.is_dir()]) == store._KEPT

    def fail(place):
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="space"):
        store.kept_folder("full", fail)
    assert not [one for one in folder.iterdir() if one.name.startswith(("unfinished", "full"))]


@pytest.mark.parametrize("content", ["", "[1]", "{", '{"a": 1}'])
def test_a_damaged_memory_is_no_memory(folder, content):
    folder.mkdir()
    (folder / "choices.json").write_text(content)
    assert store.remembered_choice("other") is None
    store.remember_choice("other", "torch")
    assert store.remembered_choice("other") == "torch"
