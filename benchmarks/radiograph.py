"""One radiograph of 1024 x 1024 pixels from the click to the layers, beside torchvision's plain call.

    xvfb-run -a python benchmarks/radiograph.py [--model NAME] [--image FILE] [--runs N]

Ours is what a user waits for in the real window, with the worker process warm: the click on Run, voxels to the worker,
preparation, network, findings back, label layer and boxes drawn. Torchvision's plain calls, in a process of their own:
the same network by torchvision's own way with an image (resized to 800 pixels a side, masks pasted at 1024), and its
ready-made `maskrcnn_resnet50_fpn_v2`. Their time is the network's alone: no layers, no files.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

SIDE = 1024


def radiograph(image: Path | None) -> np.ndarray:
    """Return grey values (rows, columns) of the asked size: of a file, or a smooth noise without any."""
    from PIL import Image

    if image is not None:
        return np.asarray(Image.open(image).convert("L").resize((SIDE, SIDE)))
    coarse = np.random.default_rng(0).integers(0, 255, (32, 32), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((SIDE, SIDE), Image.Resampling.BICUBIC))


def ours(model: str, image: Path | None, runs: int) -> dict[str, object]:
    """Measure from the click to the layers, in a real window."""
    import napari
    from qtpy.QtWidgets import QApplication

    from napari_medseg.gui.docks import open_panel
    from napari_medseg.gui.segment import SegmentWidget

    viewer = napari.Viewer()
    segment = open_panel(viewer, "Segment")
    assert isinstance(segment, SegmentWidget)
    picture = viewer.add_image(radiograph(image), name="radiograph")
    run_button = segment.view.model.run_button
    _wait(lambda: segment.runs.card is not None)
    segment.view.model.model_box.choose(model)
    segment.runs.update()
    _wait(lambda: run_button.isEnabled() and not segment.runs.warm_job.busy)
    seconds = []
    for _ in range(runs + 1):  # the first loads the weights
        viewer.layers.selection.active = picture
        before = len(viewer.layers)
        started = time.perf_counter()
        segment.runs.run()
        _wait(lambda: not segment.runs.job.busy)
        QApplication.processEvents()
        seconds.append(time.perf_counter() - started)
        assert len(viewer.layers) > before, "no layer came"
        for layer in list(viewer.layers)[before:]:
            if layer in viewer.layers:  # boxes go with their labels
                viewer.layers.remove(layer)
    viewer.close()
    return {"first_s": seconds[0], "s": statistics.median(seconds[1:])}


def _wait(done: object) -> None:
    from qtpy.QtWidgets import QApplication

    while not done():  # type: ignore[operator]
        QApplication.processEvents()
        time.sleep(0.0005)


def plain_same(model: str, image: Path | None, runs: int) -> dict[str, object]:
    """Measure the same network, called as torchvision is called."""
    from torchvision.models.detection.transform import GeneralizedRCNNTransform
    from torchvision.ops import MultiScaleRoIAlign

    from napari_medseg.models import find_model
    from napari_medseg.models.networks import build_network
    from napari_medseg.models.weights import load_weights

    folder = find_model(model)
    network = build_network(folder.card.network).eval()
    load_weights(network, folder)
    whole = network.get_submodule("network")
    whole.transform = GeneralizedRCNNTransform(800, 1333, [0.0], [1.0])
    whole.roi_heads.box_roi_pool = MultiScaleRoIAlign(["0", "1", "2"], output_size=7, sampling_ratio=2)
    whole.roi_heads.mask_roi_pool = MultiScaleRoIAlign(["0", "1", "2"], output_size=14, sampling_ratio=2)
    whole.eval()  # the new transform too, or it pastes no masks
    return _plain(whole, radiograph(image), 1, runs)


def plain_resnet50(model: str, image: Path | None, runs: int) -> dict[str, object]:
    """Measure torchvision's ready-made Mask R-CNN."""
    from torchvision.models.detection import maskrcnn_resnet50_fpn_v2

    network = maskrcnn_resnet50_fpn_v2(weights=None, weights_backbone=None, num_classes=2).eval()
    return _plain(network, radiograph(image), 3, runs)


def _plain(network: object, picture: np.ndarray, channels: int, runs: int) -> dict[str, object]:
    import torch

    pixels = torch.from_numpy(picture.astype(np.float32) / 255)[None].repeat(channels, 1, 1)
    seconds = []
    with torch.inference_mode():
        for _ in range(runs + 1):
            started = time.perf_counter()
            network([pixels])  # type: ignore[operator]
            seconds.append(time.perf_counter() - started)
    return {"first_s": seconds[0], "s": statistics.median(seconds[1:])}


CONTESTANTS = {"ours, click to layers": ours, "same network, plain": plain_same, "resnet50 v2, plain": plain_resnet50}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="cxr-pneumonia-maskrcnn")
    parser.add_argument("--image", type=Path, help="a radiograph; else smooth noise")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", choices=CONTESTANTS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        print(json.dumps(CONTESTANTS[arguments.only](arguments.model, arguments.image, arguments.runs)))
        return
    results: dict[str, dict[str, float]] = {}
    for name in CONTESTANTS:
        command = [sys.executable, __file__, *sys.argv[1:], "--only", name]
        run = subprocess.run(command, capture_output=True, text=True, check=True)
        results[name] = json.loads(run.stdout.strip().splitlines()[-1])
        print(f"{name:24}" + "".join(f"  {key} {value:.2f}" for key, value in results[name].items()), flush=True)
    mine = results["ours, click to layers"]["s"]
    for name in list(CONTESTANTS)[1:]:
        print(f"{name} / ours: {results[name]['s'] / mine:.1f}")


if __name__ == "__main__":
    main()
