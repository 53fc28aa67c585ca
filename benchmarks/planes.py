"""All four architectures on one radiograph of 1024 x 1024 pixels, beside torchvision's and MONAI's plain call.

    python benchmarks/planes.py [--image FILE] [--runs N]

Both sides take the same grey values in memory, the same network and weights, all threads, and alternate in one process.
The plain call is what their documentation shows: the image resized and normalised by torchvision's transforms, the
network, its scores interpolated to 1024 x 1024, the likeliest class; of Mask R-CNN torchvision's own detection with its
masks pasted into the image. Ours is `Model.segment`, with all that it checks. Prints medians, and the Dice of both
results.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional
from torchvision.models.detection.transform import GeneralizedRCNNTransform
from torchvision.ops import MultiScaleRoIAlign
from torchvision.transforms.v2.functional import resize

from napari_medseg.core.geometry import Geometry
from napari_medseg.core.volume import Volume
from napari_medseg.inference import load_model
from napari_medseg.models import find_model
from napari_medseg.models.networks import build_network
from napari_medseg.models.weights import load_weights

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_medseg.models.card import ModelCard

SIDE = 1024
ROOT = Path(__file__).resolve().parents[1]


def radiograph(path: Path | None) -> np.ndarray:
    """Return grey values, uint8 (rows, columns)."""
    from PIL import Image

    if path is not None:
        return np.asarray(Image.open(path).convert("L").resize((SIDE, SIDE)))
    import pydicom

    (file,) = (ROOT / "sample_data" / "chest_radiograph").glob("*.dcm")
    pixels = pydicom.dcmread(file).pixel_array.astype(np.float32)
    grey = (255 * (pixels - pixels.min()) / (pixels.max() - pixels.min())).astype(np.uint8)
    return np.asarray(Image.fromarray(grey).resize((SIDE, SIDE)))


def normalised(image: torch.Tensor, side: int) -> torch.Tensor:
    """Return an image (1, 1, side, side), resized and with mean 0 and deviation 1 between its percentiles."""
    small = resize(image, [side, side], antialias=True)
    low, high = torch.quantile(small, torch.tensor([0.005, 0.995]))
    small = small.clamp(low, high)
    return (small - small.mean()) / small.std(correction=0)


def plain_planes(network: torch.nn.Module, card: ModelCard) -> Callable[[np.ndarray], np.ndarray]:
    """Return the plain call of a network that gives a score for each pixel."""

    def label(pixels: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            small = normalised(torch.from_numpy(pixels.astype(np.float32))[None, None], card.input.longest_side or SIDE)
            scores = functional.interpolate(network(small), (SIDE, SIDE), mode="bilinear")
            return scores.softmax(dim=1).argmax(dim=1)[0].to(torch.uint8).numpy()

    return label


def plain_findings(network: torch.nn.Module, card: ModelCard) -> Callable[[np.ndarray], np.ndarray]:
    """Return torchvision's own detection: the image in its full size, which the network resizes; masks in that size."""
    detector = network.get_submodule("network")
    side = card.input.longest_side or SIDE
    detector.transform = GeneralizedRCNNTransform(side, side, [0.0], [1.0])
    heads, levels = detector.roi_heads, [str(n) for n in range(3)]
    heads.box_roi_pool = MultiScaleRoIAlign(levels, output_size=7, sampling_ratio=2)
    heads.mask_roi_pool = MultiScaleRoIAlign(levels, output_size=14, sampling_ratio=2)
    detector.eval()

    def label(pixels: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            image = torch.from_numpy(pixels.astype(np.float32))[None]
            low, high = torch.quantile(image, torch.tensor([0.005, 0.995]))
            image = image.clamp(low, high)
            (found,) = detector([(image - image.mean()) / image.std(correction=0)])
        labels = np.zeros((SIDE, SIDE), np.uint8)
        for index in reversed(range(len(found["scores"]))):
            kind = int(found["labels"][index])
            is_surest = kind not in found["labels"][:index].tolist()
            if float(found["scores"][index]) >= card.postprocess.min_score and is_surest:
                labels[found["masks"][index, 0].numpy() >= 0.5] = kind
        return labels

    return label


def ours(name: str) -> Callable[[np.ndarray], np.ndarray]:
    """Return this program's call."""
    model = load_model(name, "cpu")

    def label(pixels: np.ndarray) -> np.ndarray:
        geometry = Geometry.from_matrix((SIDE, SIDE, 1), np.diag([-1.0, -1.0, 1.0, 1.0]))
        return model.segment(Volume(pixels.T[..., None], geometry)).array[..., 0].T

    return label


def dice(a: np.ndarray, b: np.ndarray) -> float:
    """Return the lowest Dice of all labels."""
    values = set(np.unique(a).tolist()) | set(np.unique(b).tolist())
    return min(2 * ((a == v) & (b == v)).sum() / ((a == v).sum() + (b == v).sum()) for v in values)


def compare(name: str, pixels: np.ndarray, runs: int) -> str:
    """Return one row of the table."""
    folder = find_model(name)
    network = build_network(folder.card.network).eval()
    load_weights(network, folder)
    make = plain_findings if folder.card.task == "instances" else plain_planes
    sides = {"plain": make(network, folder.card), "ours": ours(name)}
    labels = {side: call(pixels) for side, call in sides.items()}  # the first time, torch plans its work
    seconds: dict[str, list[float]] = {side: [] for side in sides}
    for _ in range(runs):
        for side, call in sides.items():
            begin = time.perf_counter()
            call(pixels)
            seconds[side].append(time.perf_counter() - begin)
    plain, mine = (statistics.median(seconds[side]) * 1000 for side in ("plain", "ours"))
    return f"| {name} | {plain:.0f} | {mine:.0f} | {plain / mine:.2f} | {dice(labels['plain'], labels['ours']):.4f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--image", type=Path, help="a radiograph; else that of sample_data")
    parser.add_argument("--runs", type=int, default=21)
    lungs = [f"cxr-lungs-{kind}" for kind in ("unet", "fcn", "deeplabv3", "maskrcnn")]
    parser.add_argument("--models", nargs="+", default=lungs)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    pixels = radiograph(options.image)
    print("| model | plain call (ms) | ours (ms) | times faster | Dice of both results |")
    print("|---|---|---|---|---|")
    for name in options.models:
        print(compare(name, pixels, options.runs), flush=True)


if __name__ == "__main__":
    main()
