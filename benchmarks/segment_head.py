"""Segment a whole head: this program against MONAI's own pipeline, with the same network and windows.

    python benchmarks/segment_head.py [--scan T1.nii.gz] [--model hippocampus-unet] [--threads N] [--mirror]

Every contestant runs in a process of its own; seconds are wall and processor time from the file to labels on its grid,
without imports; memory is the peak of the process less what it held before the file was opened.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

HEAD = Path(__file__).resolve().parents[1] / "sample_data" / "mr_head" / "t1_head.nii.gz"


def ours(scan: Path, model_name: str, mirror: bool) -> dict[str, object]:
    """Open and segment with napari-medseg."""
    import cc3d  # noqa: F401

    import napari_medseg as ms
    from napari_medseg.inference.model import Model
    from napari_medseg.models.catalogue import ModelFolder, find_model

    folder = find_model(model_name)
    if not mirror:
        inputs = folder.card.input.model_copy(update={"mirror_axes": ()})
        folder = ModelFolder(folder.card.model_copy(update={"input": inputs}), folder.path)
    model = Model(folder, device="cpu")

    def run() -> dict[str, object]:
        labels = model.segment(ms.read_volume(scan)).array
        return {"voxels": [int((labels == n).sum()) for n in (1, 2)]}

    return measured(run)


def monai(scan: Path, model_name: str, mirror: bool) -> dict[str, object]:
    """Do the same with MONAI's transforms and its sliding window, as its bundles do."""
    import torch
    from monai.data import MetaTensor  # noqa: F401
    from monai.inferers import sliding_window_inference
    from monai.transforms import (
        Compose,
        EnsureChannelFirst,
        KeepLargestConnectedComponent,
        LoadImage,
        Orientation,
        Spacing,
    )

    from napari_medseg.models.catalogue import find_model
    from napari_medseg.models.intensity import apply_intensity
    from napari_medseg.models.networks import build_network
    from napari_medseg.models.weights import load_weights

    folder = find_model(model_name)
    inputs = folder.card.input
    network = build_network(folder.card.network).eval()
    load_weights(network, folder)

    def predict(windows: torch.Tensor) -> torch.Tensor:
        batch = torch.stack([apply_intensity(inputs.intensity, window) for window in windows])
        scores = network(batch)
        for axis in inputs.mirror_axes if mirror else ():
            scores = (scores + network(batch.flip(axis + 2)).flip(axis + 2)) / 2
        return scores

    def run() -> dict[str, object]:
        steps = [
            LoadImage(image_only=True),
            EnsureChannelFirst(),
            Orientation("RAS", labels=None),
            Spacing(inputs.spacing_mm),
        ]
        image = Compose(steps)(scan).as_tensor()[None]
        with torch.inference_mode():
            scores = sliding_window_inference(image, inputs.window, 4, predict, overlap=inputs.overlap, mode="gaussian")
        labels = scores.argmax(dim=1)
        keep = folder.card.postprocess.keep_components or 1
        labels = KeepLargestConnectedComponent(is_onehot=False, independent=False, num_components=keep)(labels)
        return {"voxels": [int((labels == n).sum()) for n in (1, 2)]}

    return measured(run)


def measured(run: object) -> dict[str, object]:
    """Call once and report seconds and memory."""
    import resource

    import psutil

    before = psutil.Process().memory_info().rss
    wall, processor = time.perf_counter(), time.process_time()
    result = run()  # type: ignore[operator]
    seconds = time.perf_counter() - wall, time.process_time() - processor
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"wall_s": seconds[0], "cpu_s": seconds[1], "peak_mb": (peak - before) / 1e6, **result}


CONTESTANTS = {"ours": ours, "monai": monai}


def main() -> None:
    """Run all contestants and print their figures and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scan", type=Path, default=HEAD)
    parser.add_argument("--model", default="hippocampus-unet")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--mirror", action="store_true", help="with the card's mirrored windows")
    parser.add_argument("--only", choices=CONTESTANTS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        import torch

        torch.set_num_threads(arguments.threads)
        print(json.dumps(CONTESTANTS[arguments.only](arguments.scan, arguments.model, arguments.mirror)))
        return
    results = {}
    for name in CONTESTANTS:
        command = [sys.executable, __file__, *sys.argv[1:], "--only", name]
        run = subprocess.run(command, capture_output=True, text=True, check=True)
        results[name] = json.loads(run.stdout.strip().splitlines()[-1])
        print(f"{name:8}" + "".join(f"  {key} {_short(value)}" for key, value in results[name].items()), flush=True)
    for key in ("cpu_s", "peak_mb"):
        print(f"monai / ours, {key}: {results['monai'][key] / results['ours'][key]:.1f}")


def _short(value: object) -> str:
    return f"{value:.1f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
