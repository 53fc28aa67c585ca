"""Read and write NIfTI against nibabel and SimpleITK, in one run.

    python benchmarks/nifti.py [--shape 512 512 400] [--repeats 3]

Every measurement runs in a child process of its own: seconds are the median of the repeats, peak is the resident
memory above what the process had before. Read ratios within a table: machines and loads differ; on a busy machine the
processor seconds of all threads are the steadier figure.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

AFFINE = np.diag([-0.7, -0.7, 1.0, 1.0])


def make_ct(shape: tuple[int, int, int]) -> np.ndarray[Any, Any]:
    """Make a body of soft tissue in air with 15 HU of noise: compresses about as a CT does."""
    rng = np.random.default_rng(0)
    array = np.empty(shape, dtype=np.int16, order="F")
    grid = np.ogrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    body = (grid[0] / 0.8) ** 2 + (grid[1] / 0.6) ** 2 < 1
    for k in range(shape[2]):
        array[:, :, k] = np.where(body, 40, -1000) + rng.normal(0, 15, shape[:2])
    return array


def make_labels(shape: tuple[int, int, int]) -> np.ndarray[Any, Any]:
    """Make five ellipsoids."""
    array = np.zeros(shape, dtype=np.uint8, order="F")
    axes = [np.linspace(-1, 1, n) for n in shape]
    for label, x in enumerate((-0.5, -0.25, 0.0, 0.25, 0.5), start=1):
        inside = ((axes[0] - x) / 0.12)[:, None, None] ** 2 + ((axes[1] - 0.1) / 0.35)[None, :, None] ** 2
        for k, z in enumerate(axes[2]):
            array[:, :, k][inside[:, :, 0] + (z / 0.5) ** 2 < 1] = label
    return array


def ours_read(path: Path) -> Callable[[], object]:
    import napari_medseg as ms
    import napari_medseg.io.nifti  # imported before the clock starts, as the peers are

    read = ms.read_volume
    return lambda: read(path).array


def ours_write(path: Path, array: Any) -> Callable[[], object]:
    import napari_medseg as ms
    import napari_medseg.io.nifti

    geometry = ms.Geometry(array.shape, ms.Affine(AFFINE))
    if array.dtype == np.uint8:
        seg = ms.Segmentation(array, geometry)
        write_labels = ms.write_segmentation
        return lambda: write_labels(seg, path)
    volume = ms.Volume(array, geometry)
    write = ms.write_volume
    return lambda: write(volume, path)


def nibabel_read(path: Path) -> Callable[[], object]:
    import nibabel

    return lambda: np.asarray(nibabel.load(path).dataobj)


def nibabel_read_float(path: Path) -> Callable[[], object]:
    import nibabel

    return lambda: nibabel.load(path).get_fdata()


def nibabel_write(path: Path, array: Any) -> Callable[[], object]:
    import nibabel

    image = nibabel.Nifti1Image(array, AFFINE)
    return lambda: nibabel.save(image, path)


def simpleitk_read(path: Path) -> Callable[[], object]:
    import SimpleITK

    return lambda: SimpleITK.GetArrayViewFromImage(SimpleITK.ReadImage(str(path))).shape


def simpleitk_write(path: Path, array: Any) -> Callable[[], object]:
    import SimpleITK

    image = SimpleITK.GetImageFromArray(array.transpose(2, 1, 0))
    return lambda: SimpleITK.WriteImage(image, str(path), True, 1)


def forget_peak() -> None:
    """Let the high-water mark of resident memory start anew (Linux; elsewhere peaks include what came before)."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def memory_bytes() -> tuple[int, int]:
    """Tell resident memory now and at most."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        return highest, highest
    found = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines if line.startswith(("VmRSS", "VmHWM"))}
    return found["VmRSS"], found["VmHWM"]


def measure(prepare: Callable[..., Callable[[], object]], arguments: tuple[Any, ...], answer: Any) -> None:
    """In the child: import and prepare, then time one call and take the peak above the start."""
    loaded = tuple(np.load(a) if isinstance(a, Path) and a.suffix == ".npy" else a for a in arguments)
    call = prepare(*loaded)
    forget_peak()
    before, _ = memory_bytes()
    start, cpu_start = time.perf_counter(), time.process_time()
    kept = call()
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
    _, peak = memory_bytes()
    answer.put((seconds, cpu_seconds, peak - before))
    del kept


def run(
    prepare: Callable[..., Callable[[], object]], arguments: tuple[Any, ...], repeats: int
) -> tuple[float, float, float]:
    """Return median seconds, median processor seconds of all threads, and the highest peak in MB."""
    context = multiprocessing.get_context("spawn")
    results = []
    for _ in range(repeats):
        answer: Any = context.Queue()
        process = context.Process(target=measure, args=(prepare, arguments, answer))
        process.start()
        results.append(answer.get(timeout=600))
        process.join()
    seconds, cpu_seconds, peaks = zip(*results, strict=True)
    return median(seconds), median(cpu_seconds), max(peaks) / 1e6


def table(title: str, rows: list[tuple[str, float, float, float, float | None]]) -> None:
    _, ours, ours_cpu, *_ = rows[0]
    print(f"\n{title}\n| program | s | × ours | CPU s | × ours | peak MB | file MB |\n|---|---|---|---|---|---|---|")
    for name, seconds, cpu, peak, size in rows:
        file = "" if size is None else f"{size / 1e6:.2f}"
        print(
            f"| {name} | {seconds:.3f} | {seconds / ours:.1f} | {cpu:.3f} | {cpu / ours_cpu:.1f} "
            f"| {peak:.0f} | {file} |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", type=int, nargs=3, default=(512, 512, 400), metavar=("I", "J", "K"))
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    shape = tuple(options.shape)
    writers = {"napari-medseg": ours_write, "nibabel": nibabel_write, "SimpleITK": simpleitk_write}
    readers = {
        "napari-medseg": ours_read,
        "nibabel dataobj": nibabel_read,
        "nibabel get_fdata": nibabel_read_float,
        "SimpleITK": simpleitk_read,
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for title, make in (("CT, int16", make_ct), ("Labels, uint8", make_labels)):
            array = folder / "array.npy"
            np.save(array, make(shape))
            n = " × ".join(str(n) for n in shape)
            rows = []
            for program, prepare in writers.items():
                target = folder / f"{prepare.__name__}.nii.gz"
                rows.append((program, *run(prepare, (target, array), options.repeats), target.stat().st_size))
            table(f"{title}, {n}: write .nii.gz", rows)
            shared = folder / "nibabel_write.nii.gz"
            table(
                f"{title}, {n}: read .nii.gz (as nibabel wrote it)",
                [(program, *run(prepare, (shared,), options.repeats), None) for program, prepare in readers.items()],
            )


if __name__ == "__main__":
    main()
