"""What a model that was taught on crops finds in whole heads: how many islands, where, and how well they match.

    python benchmarks/whole_heads.py MODEL --scan ch2.nii.gz --reference aal.nii.gz --values 37 38
    python benchmarks/whole_heads.py MODEL --label-maps MAP.nii.gz... --values 17 53

A scan is given as it is, and once more turned to other axes. A label map (FreeSurfer's numbers) becomes a synthetic T1
head first. Names of the first two files: Colin27 and the AAL atlas that was drawn on it, as in Debian's mricron-data.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import cc3d
import numpy as np
import torch

from napari_medseg import load_model, read_volume
from napari_medseg.core.reorientation import reorientation_to
from napari_medseg.training.synthesis import random_contrast

if TYPE_CHECKING:
    from napari_medseg.core import Volume
    from napari_medseg.inference import Model


def turned(volume: Volume, axes: str) -> Volume:
    """Store a volume along other axes; its voxels keep their millimetres."""
    turn = reorientation_to(volume.geometry, axes)
    return replace(
        volume, array=np.ascontiguousarray(turn.apply(volume.array)), geometry=turn.geometry(volume.geometry)
    )


def synthetic_head(labels: Volume, seed: int) -> Volume:
    """Make a T1-like image of a label map."""
    generator = torch.Generator().manual_seed(seed)
    image = random_contrast(torch.from_numpy(np.ascontiguousarray(labels.array.astype(np.int16))), generator)
    return replace(labels, array=(image.clamp(min=0) * 1000).numpy().astype(np.float32), modality="MR")


def report(model: Model, name: str, scan: Volume, reference: np.ndarray | None, values: list[int]) -> None:
    """Print the islands of one scan, and their overlap with a reference of the same voxels."""
    started = time.process_time()
    found = model.segment(scan)
    seconds = time.process_time() - started
    mask = np.ascontiguousarray(found.array) > 0
    islands, n = cc3d.connected_components(mask, connectivity=26, return_N=True)
    ml = abs(np.linalg.det(scan.geometry.affine[:3, :3])) / 1000
    print(f"{name}: {n} islands, {seconds:.0f} s of processor time")
    for island in range(1, n + 1):
        at = np.argwhere(islands == island)
        centre = scan.geometry.affine[:3, :3] @ at.mean(axis=0) + scan.geometry.affine[:3, 3]
        text = f"   {len(at) * ml:5.2f} mL about RAS {np.round(centre, 0).tolist()} mm"
        if reference is not None:
            inside = np.isin(reference[islands == island], values).mean()
            text += f", {inside:.0%} of it inside the reference"
        print(text)
    if reference is not None:
        for value in values:
            wanted = reference == value
            near = islands[wanted & mask]
            own = islands == np.bincount(near).argmax() if near.size else np.zeros_like(mask)
            overlap = 2 * (wanted & own).sum() / (wanted.sum() + own.sum())
            print(f"   structure {value}: {wanted.sum() * ml:.2f} mL, Dice with the island upon it {overlap:.3f}")
    print(flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a folder, or a name from the catalogue")
    parser.add_argument("--scan", type=Path, nargs="*", default=[])
    parser.add_argument("--reference", type=Path, help="labels on the scans' grid")
    parser.add_argument("--label-maps", type=Path, nargs="*", default=[])
    parser.add_argument(
        "--values", type=int, nargs="*", default=[17, 53], help="the structure's numbers in the reference"
    )
    parser.add_argument("--axes", nargs="*", default=["LPS"], help="other orders of axes to try each scan in")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    folder = Path(options.model)
    model = load_model(folder if folder.is_dir() else options.model, device="cpu")
    for path in options.scan:
        scan = replace(read_volume(path), modality="MR")
        reference = None if options.reference is None else read_volume(options.reference)
        report(model, path.name, scan, None if reference is None else reference.array, options.values)
        for axes in options.axes:
            other = None if reference is None else turned(reference, axes).array
            report(model, f"{path.name} as {axes}", turned(scan, axes), other, options.values)
    for seed, path in enumerate(options.label_maps):
        labels = read_volume(path)
        report(model, f"synthetic {path.name}", synthetic_head(labels, seed), labels.array, options.values)


if __name__ == "__main__":
    main()
