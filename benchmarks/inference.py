"""Sliding windows: time and memory of this program beside MONAI's and nnU-Net's, on the same network and weights.

    python benchmarks/inference.py unet          # 3-D U-Net (16…256 channels), 256³, windows of 96³
    python benchmarks/inference.py classes       # many classes, where whole-volume scores do not fit
    python benchmarks/inference.py curves [--plot docs/inference.png]
    python benchmarks/inference.py large         # 1024 × 1024 × 512 voxels, 20 classes
    python benchmarks/inference.py radiograph    # planes of 1024²

Every row is a process of its own; memory is the peak of its resident set during the run above what it held before
(Linux). Run it on a machine that does nothing else. All four architectures on radiographs: benchmarks/planes.py.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch

    from napari_medseg.inference.backends.choice import CpuNetworks

Found = tuple[np.ndarray, float]
"""Labels, and seconds."""

WINDOW = 96
WAYS = ("monai", "monai-bf16", "nnunet", "torch", "fastest")
"""`torch` is this program at MONAI's own precision, `fastest` what it does by itself."""

_MOST_WITHOUT_HEAD = 20


def build(n_classes: int, channels: list[int], dims: int) -> tuple[torch.nn.Module, Any]:
    """Return a U-Net with random weights, the same for all, and its card.

    Up to twenty classes it is MONAI's own, which works on all classes at full resolution. For more it ends in a
    convolution of one voxel, as networks of many classes do (nnU-Net's, TotalSegmentator's): MONAI's would spend
    nearly all its time in that last layer.
    """
    import torch

    from napari_medseg.models.card import ModelCard
    from napari_medseg.models.networks import build_network

    window = [WINDOW] * 3 if dims == 3 else [1024, 1024]
    card = ModelCard.model_validate(
        {
            "schema_version": 1, "name": "benchmark", "title": "Benchmark", "description": "Random weights.",
            "task": "semantic", "modality": ["CT"], "body_part": "all",
            "network": {
                "family": "unet", "spatial_dims": dims, "in_channels": 1, "out_channels": n_classes,
                "arguments": {"channels": channels, "strides": [2] * (len(channels) - 1), "num_res_units": 2},
            },
            "labels": [{"value": n, "name": f"{n}", "colour": "#808080"} for n in range(1, n_classes)],
            "input": {
                "window": window, "overlap": 0.25,
                "intensity": {"kind": "zscore", "percentiles": [0, 100], "scope": "volume"},
            },
            "weights": {"file": "none.safetensors", "sha256": "0" * 64, "size_bytes": 1, "dtype": "float32"},
            "licence": "CC0-1.0", "intended_use": "Benchmark.", "limitations": "Random.",
        }
    )  # fmt: skip
    torch.manual_seed(0)
    if n_classes <= _MOST_WITHOUT_HEAD:
        return build_network(card.network).eval().requires_grad_(False), card
    body = build_network(card.network.model_copy(update={"out_channels": channels[0]}))
    convolution = torch.nn.Conv3d if dims == 3 else torch.nn.Conv2d
    return torch.nn.Sequential(body, convolution(channels[0], n_classes, 1)).eval().requires_grad_(False), card


def volume(shape: tuple[int, ...]) -> np.ndarray:
    """Return smooth structures with noise, int16, made plane by plane."""
    rng = np.random.default_rng(0)
    result = np.empty(shape, np.int16)
    j, k = np.ogrid[: shape[1], : shape[2]]
    for i in range(shape[0]):
        wave = 300 * np.sin(i / 17) * np.cos(j / 23) * np.cos(k / 19)
        result[i] = wave + rng.integers(-40, 40, shape[1:], dtype=np.int16)
    return result


def ours(
    network: torch.nn.Module, card: Any, voxels: np.ndarray, overlap: float, networks: CpuNetworks | None
) -> Found:
    """Label with this program's engine."""
    from napari_medseg.core.geometry import Geometry
    from napari_medseg.inference.engine import FrameTask
    from napari_medseg.inference.stepdown import attempts_for

    card = card.model_copy(update={"input": card.input.model_copy(update={"overlap": overlap})})
    task = FrameTask(card, voxels, Geometry.from_matrix(voxels.shape, np.eye(4)))
    attempt = attempts_for("cpu", task.window_voxels)[0]
    begin = time.perf_counter()
    labels = task.run(network, attempt, networks)
    return labels, time.perf_counter() - begin


def find_fastest(network: torch.nn.Module, card: Any) -> CpuNetworks:
    """Try all ways once, as a user's first long run does."""
    import torch

    from napari_medseg.inference.backends import choice

    choice._PAYS_FROM_S = 0.0
    networks = choice.CpuNetworks(network, card)
    window = torch.randn(1, *networks._window_shape)
    print(f"fastest: {networks.fastest(100, lambda: window).name}", file=sys.stderr)
    return networks


def monai(
    way: str, network: torch.nn.Module, card: Any, voxels: np.ndarray, overlap: float
) -> tuple[np.ndarray, float]:
    """Label as MONAI's documentation does: whole-volume scores, then argmax."""
    import torch
    from monai.inferers import sliding_window_inference

    begin = time.perf_counter()
    image = torch.from_numpy(voxels.astype(np.float32))
    image = ((image - image.mean()) / image.std(correction=0))[None, None]
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=way == "monai-bf16"):
        if image.shape[-1] == 1:
            scores = network(image[..., 0].transpose(-1, -2)).transpose(-1, -2)[..., None]
        else:
            scores = sliding_window_inference(image, (WINDOW,) * 3, 4, network, overlap=overlap, mode="gaussian")
        labels = scores.argmax(dim=1)[0].to(torch.uint8).numpy()
    return labels, time.perf_counter() - begin


def nnunet(network: torch.nn.Module, card: Any, voxels: np.ndarray, overlap: float) -> Found:
    """Label with nnU-Net's own predictor: whole-volume scores at half precision, then argmax; no mirroring."""
    import torch
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    predictor = nnUNetPredictor(
        tile_step_size=1 - overlap, use_gaussian=True, use_mirroring=False, perform_everything_on_device=False,
        device=torch.device("cpu"), verbose=False, allow_tqdm=False,
    )  # fmt: skip
    predictor.network = network
    predictor.configuration_manager = argparse.Namespace(patch_size=(WINDOW,) * 3)
    predictor.label_manager = argparse.Namespace(num_segmentation_heads=card.network.out_channels)
    predictor.allowed_mirroring_axes = None
    begin = time.perf_counter()
    image = torch.from_numpy(voxels.astype(np.float32))
    image = ((image - image.mean()) / image.std(correction=0))[None]
    scores = predictor.predict_sliding_window_return_logits(image)
    labels = scores.argmax(dim=0).to(torch.uint8).numpy()
    return labels, time.perf_counter() - begin


def resident_kb(line: str) -> int:
    """Return what this process holds ("VmRSS") or held at most since `forget_peak` ("VmHWM")."""
    (found,) = (one for one in Path("/proc/self/status").read_text().splitlines() if one.startswith(line))
    return int(found.split()[1])


def forget_peak() -> None:
    """Let the peak begin anew."""
    Path("/proc/self/clear_refs").write_text("5")


def refuse_more_than_there_is() -> None:
    """Let a row that needs more memory than is free fail, instead of what else runs on this computer."""
    import resource

    (free,) = (line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemAvailable"))
    most = int(free.split()[1]) * 1024
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def measure(options: argparse.Namespace) -> None:
    """Measure one row in this process, and print it as JSON."""
    import torch

    refuse_more_than_there_is()

    torch.set_num_threads(os.cpu_count() or 1)
    shape = tuple(int(n) for n in options.shape.split("x"))
    channels = [int(n) for n in options.channels.split("-")]
    network, card = build(options.classes, channels, 2 if shape[2] == 1 else 3)
    voxels = volume(shape)
    with torch.inference_mode():  # what every way needs, and pays once
        network(torch.zeros(1, 1, *((WINDOW,) * 3 if shape[2] > 1 else (shape[1], shape[0]))))
    if not options.way.startswith(("monai", "nnunet")) and shape[2] > 1:
        network = network.to(memory_format=torch.channels_last_3d)
    networks = find_fastest(network, card) if options.way == "fastest" else None
    before = resident_kb("VmRSS")
    forget_peak()
    if options.way.startswith("monai"):
        labels, seconds = monai(options.way, network, card, voxels, options.overlap)
    elif options.way == "nnunet":
        labels, seconds = nnunet(network, card, voxels, options.overlap)
    else:
        labels, seconds = ours(network, card, voxels, options.overlap, networks)
    extra_mb = (resident_kb("VmHWM") - before) / 1024
    np.save(options.labels, labels)
    print(json.dumps({"seconds": seconds, "extra_mb": extra_mb}))


def row(way: str, shape: str, classes: int, overlap: float, channels: str, folder: Path) -> dict[str, Any] | None:
    """Measure in a child; None if it failed, for example for want of memory."""
    labels = folder / f"{way}-{shape}-{classes}-{overlap}-{channels}.npy"
    command = [sys.executable, __file__, "measure", "--way", way, "--shape", shape, "--classes", str(classes)]
    command += ["--overlap", str(overlap), "--channels", channels, "--labels", str(labels)]
    # A cache of its own: random weights have no checksum that would tell their conversions apart.
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, env=environment)
    if done.returncode or not done.stdout.strip():
        return None
    return {**json.loads(done.stdout.strip().splitlines()[-1]), "labels": labels}


def table(cases: list[tuple[str, int, float, str]], ways: tuple[str, ...], reference: str) -> None:
    """Print a table of cases × ways, with ratios to the reference."""
    with tempfile.TemporaryDirectory() as name:
        print("| volume | classes | overlap | by | s | times faster | extra MB | of its memory | same labels |")
        print("|---|---|---|---|---|---|---|---|---|")
        for shape, classes, overlap, channels in cases:
            found = {way: row(way, shape, classes, overlap, channels, Path(name)) for way in ways}
            base = found.get(reference)
            for way, one in found.items():
                if one is None:
                    print(f"| {shape} | {classes} | {overlap} | {way} | failed | | | | |")
                    continue
                faster = share = same = ""
                if base is not None:
                    faster = f"{base['seconds'] / one['seconds']:.2f}"
                    share = f"{one['extra_mb'] / max(base['extra_mb'], 1):.2f}"
                    same = f"{(np.load(base['labels']) == np.load(one['labels'])).mean():.6f}"
                print(
                    f"| {shape} | {classes} | {overlap} | {way} | {one['seconds']:.2f} | {faster} "
                    f"| {one['extra_mb']:.0f} | {share} | {same} |",
                    flush=True,
                )


def curves(plot: Path | None) -> None:
    """Time and memory against voxels, and against classes."""
    sides, counts = (128, 192, 256, 320, 384), (25, 40, 60, 90, 117)
    small = "8-16"
    results: dict[str, list[tuple[float, float, float]]] = {}
    with tempfile.TemporaryDirectory() as name:
        for way in ("monai", "fastest"):
            for kind, pairs in (("voxels", [(n, 5) for n in sides]), ("classes", [(192, n) for n in counts])):
                for side, classes in pairs:
                    one = row(way, f"{side}x{side}x{side}", classes, 0.25, small, Path(name))
                    if one is not None:
                        x = side**3 / 1e6 if kind == "voxels" else classes
                        results.setdefault(f"{way} {kind}", []).append((x, one["seconds"], one["extra_mb"]))
                        print(
                            f"{way} {side}³ {classes} classes: {one['seconds']:.2f} s, {one['extra_mb']:.0f} MB",
                            flush=True,
                        )
    if plot is not None:
        draw_curves(results, plot)


def draw_curves(results: dict[str, list[tuple[float, float, float]]], plot: Path) -> None:
    """Draw time and memory as `curves` measures them."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(2, 2, figsize=(9, 6), layout="constrained")
    for column, (kind, label) in enumerate(
        (("voxels", "million voxels, 5 classes"), ("classes", "classes, 192³ voxels"))
    ):
        for line, (quantity, unit) in enumerate((("time", "s"), ("extra memory", "MB"))):
            for way, spoken in (("monai", "MONAI, then argmax"), ("fastest", "napari-medseg")):
                points = results.get(f"{way} {kind}", [])
                axes[line, column].plot([p[0] for p in points], [p[1 + line] for p in points], "o-", label=spoken)
            axes[line, column].set(xlabel=label, ylabel=f"{quantity} ({unit})", xlim=(0, None), ylim=(0, None))
    axes[0, 0].legend(frameon=False)
    figure.savefig(plot, dpi=110)


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("unet", "classes", "curves", "large", "radiograph", "measure"))
    parser.add_argument("--side", type=int, default=256, help="of the volume for `unet`")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS, help="only these, for `unet`")
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--way", choices=WAYS)
    parser.add_argument("--shape")
    parser.add_argument("--classes", type=int)
    parser.add_argument("--overlap", type=float)
    parser.add_argument("--channels")
    parser.add_argument("--labels")
    options = parser.parse_args()
    five, small = "16-32-64-128-256", "8-16"
    side = f"{options.side}x{options.side}x{options.side}"
    match options.what:
        case "measure":
            measure(options)
        case "unet":
            from napari_medseg.inference.backends.network import computes_bfloat16

            ways = tuple(way for way in WAYS if computes_bfloat16() or way != "monai-bf16")
            ways = tuple(way for way in ways if way in options.ways)
            table([(side, 5, 0.25, five), (side, 5, 0.5, five)], ways, "monai")
        case "classes":
            table([(f"{n}x{n}x{n}", 117, 0.25, five) for n in (256, 384)], ("monai", "torch", "fastest"), "monai")
        case "curves":
            curves(options.plot)
        case "large":
            table([("1024x1024x512", 20, 0.25, small)], ("fastest",), "fastest")
        case "radiograph":
            table([("1024x1024x1", 3, 0.0, five)], ("monai", "torch", "fastest"), "monai")


if __name__ == "__main__":
    main()
