"""Mutation fuzz of the readers: real small files, damaged at random, opened in a child that has limits.

    python benchmarks/fuzz_readers.py --seconds 60 [--seed 1] [--keep FOLDER]

Every damaged file must end in a result or in a `MedsegError`; in time; in no more memory than a file of its size may
take; and with no handle left open. Exit status 1 if one did not; its bytes are kept in FOLDER to be looked at.
"""

from __future__ import annotations

import argparse
import faulthandler
import multiprocessing
import os
import random
import struct
import sys
import tempfile
import time
import traceback
import tracemalloc
import warnings
import zipfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

LONGEST_S = 60.0
"""For one file, on a machine that is busy with other things."""

MOST_BYTES, BYTES_A_BYTE = 256 * 2**20, 64
"""Python and numpy may hold this, and so many bytes for each of the file."""

ADDRESS_SPACE = 8 * 2**30
"""Of the child, with what its libraries map."""

_LARGEST_SEED = 300_000
_NUMBERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 0xFFFFFFFE, 0x10000)


def gather_seeds(folder: Path) -> list[Path]:
    """Return small files of every format that is read, written into `folder` where there is none."""
    import nibabel as nib
    import numpy as np
    import pydicom.data

    import napari_medseg as ms

    shipped = (Path(pydicom.data.__file__).parent / "test_files").rglob("*")
    seeds = [path for path in shipped if path.is_file() and path.stat().st_size <= _LARGEST_SEED]
    scan = nib.Nifti1Image(np.arange(210, dtype=np.int16).reshape(5, 6, 7), np.eye(4))
    for name in ("scan.nii", "scan.nii.gz", "scan.hdr"):
        nib.save(nib.Nifti1Pair(scan.dataobj, scan.affine) if name.endswith("hdr") else scan, folder / name)
        seeds.append(folder / name)
    volume = ms.read_volume(pydicom.data.get_testdata_file("CT_small.dcm"))
    array = np.zeros(volume.array.shape, np.uint8)
    array[20:90, 20:60], array[30:40, 80:99] = 1, 2
    labels = ms.Segmentation.from_array(array, volume)
    for name, kind in (("seg.dcm", "BINARY"), ("map.dcm", "LABELMAP"), ("rt.dcm", "RTSTRUCT")):
        ms.write_segmentation(labels, folder / name, dicom=kind)  # type: ignore[arg-type]
        seeds.append(folder / name)
    with zipfile.ZipFile(folder / "study.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(folder / "seg.dcm", "a/seg.dcm")
        archive.write(folder / "scan.nii.gz", "scan.nii.gz")
        archive.write(pydicom.data.get_testdata_file("MR_small.dcm"), "a/mr.dcm")
    seeds.append(folder / "study.zip")
    return sorted(seeds)


def mutate(content: bytes, chance: random.Random) -> bytes:
    """Return the bytes with one to eight of them, or of their numbers or parts, changed; mostly in the header."""
    data = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 3, 8))):
        if len(data) < 8:
            break
        reach = len(data) if chance.random() < 0.4 else min(len(data), 4096)
        at = chance.randrange(reach)
        kind = chance.randrange(8)
        if kind == 0:
            data[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            data[at] = chance.randrange(256)
        elif kind == 2:
            number = struct.pack(chance.choice("<>") + "I", chance.choice(_NUMBERS))
            data[at : at + 4] = number
        elif kind == 3:
            data[at : at + 2] = struct.pack(chance.choice("<>") + "H", chance.choice(_NUMBERS) & 0xFFFF)
        elif kind == 4:
            del data[at : at + chance.choice((1, 2, 8, 100, 5000))]
        elif kind == 5:
            data[at:at] = data[at : at + chance.choice((2, 8, 64, 1000))]
        elif kind == 6:
            data[at : at + 8] = bytes(chance.randrange(256) for _ in range(8))
        else:
            del data[at:]
    return bytes(data)


def open_everything(path: Path) -> None:
    """Do with a file whatever a user can: list it, look at it, load it, read it as labels."""
    import napari_medseg as ms
    from napari_medseg.core.errors import MedsegError

    def tried(step: Callable[[], object]) -> None:
        try:
            step()
        except MedsegError as error:
            if not error.message.strip().endswith((".", "!", "?")):
                raise AssertionError(f"no sentence: {error.message!r}") from error

    try:
        series = ms.open_study(path).series
    except MedsegError:
        series = []
    for one in series:
        tried(one.thumbnail)
        tried(one.load)
    tried(lambda: ms.read_segmentation(path))


def serve(pipe: Connection) -> None:
    """Open the files whose names come; answer what went wrong, empty if nothing did."""
    import resource

    faulthandler.enable()
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    handles = Path("/proc/self/fd")
    warm = False
    while name := pipe.recv():
        path, fault = Path(name), ""
        before = len(list(handles.iterdir())) if handles.is_dir() else 0
        tracemalloc.start()
        try:
            open_everything(path)
        except BaseException:  # whatever it is, it is what we look for
            fault = traceback.format_exc(limit=-6)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        allowed = MOST_BYTES + BYTES_A_BYTE * path.stat().st_size
        if not fault and peak > allowed:
            fault = f"took {peak >> 20} MB for a file of {path.stat().st_size} bytes"
        after = len(list(handles.iterdir())) if handles.is_dir() else 0
        if not fault and warm and after > before:
            fault = f"left {after - before} handles open"
        warm = True
        pipe.send(fault)


class Child:
    """A process that opens files, replaced when it hangs or dies."""

    def __init__(self) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._start()

    def _start(self) -> None:
        self._pipe, theirs = self._context.Pipe()
        self._process = self._context.Process(target=serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()

    def open(self, path: Path, longest_s: float) -> str:
        """Return what is wrong with the way a file was opened; empty if nothing is."""
        self._pipe.send(str(path))
        try:
            if self._pipe.poll(longest_s):
                return str(self._pipe.recv())
            fault = f"hung for {longest_s:.0f} s"
        except EOFError:
            self._process.join()
            fault = f"died (exit code {self._process.exitcode})"
        self.stop()
        self._start()
        return fault

    def stop(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()
        self._pipe.close()


def fuzz(seconds: float, seed: int, keep: Path | None) -> Counter[str]:
    """Open damaged files for so long; return how often each fault came up."""
    faults: Counter[str] = Counter()
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as scratch:
        folder = Path(scratch)
        (folder / "seeds").mkdir()
        seeds = gather_seeds(folder / "seeds")
        child = Child()
        child.open(seeds[0], 10 * LONGEST_S)  # imports
        end, n = time.monotonic() + seconds, 0
        slowest = 0.0
        while time.monotonic() < end:
            original = chance.choice(seeds)
            path = folder / original.name
            path.write_bytes(mutate(original.read_bytes(), chance))
            started = time.monotonic()
            fault = child.open(path, LONGEST_S)
            slowest = max(slowest, time.monotonic() - started)
            n += 1
            if fault:
                key = fault.strip().splitlines()[-1][:160]
                faults[key] += 1
                if faults[key] == 1:
                    print(f"--- file {n}, from {original.name}\n{fault}", flush=True)
                    if keep is not None:
                        keep.mkdir(parents=True, exist_ok=True)
                        (keep / f"{n:06}_{original.name}").write_bytes(path.read_bytes())
            path.unlink()
        child.stop()
        print(f"{n} damaged files of {len(seeds)} kinds, the slowest {slowest:.1f} s; {sum(faults.values())} faults")
    return faults


def main() -> int:
    """Fuzz as the command line says."""
    parser = argparse.ArgumentParser(description="Open damaged files of every kind.")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "big"))
    parser.add_argument("--keep", type=Path, help="a folder for the files that did harm")
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    return 1 if fuzz(arguments.seconds, arguments.seed, arguments.keep) else 0


if __name__ == "__main__":
    sys.exit(main())
