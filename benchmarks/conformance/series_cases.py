"""Series that the writers of the tests make: orientations, uneven and tilted slices, time, localizers, mosaics."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from conformance.values import Case
from dicom_writers import mosaic
from dicom_writers.enhanced import make_enhanced, save_enhanced
from dicom_writers.enhanced_mr import SHAPE, write_enhanced_mr
from dicom_writers.mosaic import write_mosaic
from dicom_writers.orientations import ORIENTATIONS, Orientation, directions_of
from dicom_writers.series import make_slice, write_series
from dicom_writers.tilted import write_tilted

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import Dataset

Angles = tuple[float, float, float]

STACK = np.random.default_rng(1).integers(-1000, 3000, (6, 5, 7)).astype(np.int16)
SPACING_MM = np.array([0.7, 1.3, 2.9])
ORIGIN_LPS = np.array([-31.25, 47.5, -812.125])
ORIENTED: dict[str, Angles] = {"straight": (0.0, 0.0, 0.0), "oblique": (-7.0, 19.0, 33.0)}


def orientation_cases() -> list[Case]:
    """Return classic and enhanced series in all 48 orientations, straight and oblique."""
    return [
        Case(f"{kind}, 48 orientations, {name}", partial(write, orientation, angles))
        for kind, write in (("CT", write_oriented), ("enhanced CT", write_enhanced_ct))
        for name, angles in ORIENTED.items()
        for orientation in ORIENTATIONS
    ]


def write_oriented(orientation: Orientation, angles: Angles, folder: Path) -> None:
    """Write a CT whose axes lie so in the patient."""
    directions = directions_of(orientation, angles)
    write_series(
        folder,
        STACK,
        origin=ORIGIN_LPS,
        row=directions[:, 0],
        column=directions[:, 1],
        step=directions[:, 2] * SPACING_MM[2],
        spacing=(SPACING_MM[1], SPACING_MM[0]),
    )


def write_enhanced_ct(orientation: Orientation, angles: Angles, folder: Path) -> None:
    """Write the same as an enhanced image."""
    directions = directions_of(orientation, angles)
    positions = [ORIGIN_LPS + n * directions[:, 2] * SPACING_MM[2] for n in range(len(STACK))]
    axes = (*directions[:, 0], *directions[:, 1])
    ds = make_enhanced(make_slice(STACK[0]), STACK, positions, orientation=axes, spacing=(SPACING_MM[1], SPACING_MM[0]))
    save_enhanced(ds, folder / "enhanced.dcm")


def stack_cases() -> list[Case]:
    """Return what a series can hold besides slices in order."""
    uneven = partial(_edited, {n: {"ImagePositionPatient": [0, 0, z]} for n, z in enumerate((0, 2, 4, 7, 10, 15))})
    scrambled = partial(_edited, {n: {"InstanceNumber": m} for n, m in enumerate((3, 1, 6, 2, 5, 4))})
    slopes = partial(_edited, {n: {"RescaleSlope": f"{1 + n / 8}", "RescaleIntercept": n} for n in range(6)})
    return [
        Case("CT, instance numbers in disorder", scrambled),
        Case("CT, another rescale in every slice", slopes),
        Case("CT, a slice missing", partial(write_series, stack=STACK, skip=[2])),
        Case("CT, uneven slices", uneven),
        Case("CT, one slice stored twice", _write_twice),
        Case("CT, two series in a folder", _write_two),
        Case("CT, localizers in three planes", _write_localizers),
        Case("CT, gantry tilted by 15°, as stored", partial(write_tilted, tilt_deg=15), stored=True),
        Case("CT, gantry tilted by −20°, as stored", partial(write_tilted, tilt_deg=-20), stored=True),
        Case("CT, gantry tilted by 15°, put upright", partial(write_tilted, tilt_deg=15)),
        Case("CT, gantry tilted by −20°, put upright", partial(write_tilted, tilt_deg=-20)),
        Case("MR over time, a file for each slice", partial(_write_times, "TemporalPositionIdentifier", (1, 2, 3))),
        Case("MR of two echoes", partial(_write_times, "EchoTime", (5, 12))),
        Case("MR of two b-values", partial(_write_times, "DiffusionBValue", (0.0, 1000.0))),
        Case("PET in Bq/mL", _write_pet),
    ]


def enhanced_cases() -> list[Case]:
    """Return multi-frame images over time and b-values, and Siemens mosaics."""
    frames = np.random.default_rng(3).integers(0, 4000, (2, *SHAPE)).astype(np.int16)
    tiles = np.random.default_rng(4).integers(1, 1000, (mosaic.N_SLICES, mosaic.ROWS, mosaic.COLUMNS))
    cases = []
    for slope in (1.0, 2.1079365079365):
        told = "" if slope == 1 else ", rescaled"
        one = partial(_enhanced_mr, frames=frames[:1], slope=slope)
        cases += [
            Case(f"enhanced MR{told}", one),
            Case(f"enhanced MR over time{told}", partial(_enhanced_mr, frames=frames, slope=slope)),
            Case(
                f"enhanced MR of two b-values{told}", partial(_enhanced_mr, frames=frames, slope=slope, weighted=True)
            ),
        ]
    for backwards in (False, True):
        told = ", tiles from head to foot" if backwards else ""
        cases.append(Case(f"Siemens mosaics over time{told}", partial(_mosaics, tiles.astype(np.uint16), backwards)))
    return cases


def _enhanced_mr(folder: Path, **kwargs: Any) -> None:
    write_enhanced_mr(folder / "mr.dcm", **kwargs)


def _mosaics(tiles: np.ndarray, backwards: bool, folder: Path) -> None:
    for time in range(2):
        write_mosaic(folder / f"m{time}", tiles + 1000 * time, time=time, backwards=backwards)


def _edited(values: dict[int, dict[str, Any]], folder: Path) -> None:
    def edit(ds: Dataset, n: int) -> None:
        for keyword, value in values[n].items():
            setattr(ds, keyword, value)

    write_series(folder, STACK, edit=edit)


def _write_twice(folder: Path) -> None:
    paths = write_series(folder, STACK)
    (folder / "again").write_bytes(paths[2].read_bytes())


def _write_two(folder: Path) -> None:
    write_series(folder, STACK, prefix="A")
    write_series(folder, STACK[:3], prefix="B", uids=("1.2.3.1", "1.2.3.9", "1.2.3.3"))


def _write_localizers(folder: Path) -> None:
    write_series(folder, STACK[:3], prefix="A")
    write_series(folder, STACK[:3] + 1, prefix="C", row=(1, 0, 0), column=(0, 0, -1), step=(0, 5, 0))
    write_series(folder, STACK[:3] + 2, prefix="S", row=(0, 1, 0), column=(0, 0, -1), step=(5, 0, 0))


def _write_times(keyword: str, values: tuple[Any, ...], folder: Path) -> None:
    for t, value in enumerate(values):

        def edit(ds: Dataset, n: int, t: int = t, value: Any = value) -> None:
            setattr(ds, keyword, value)
            ds.EchoTime = value if keyword == "EchoTime" else 30
            ds.Manufacturer, ds.RepetitionTime, ds.ScanningSequence = "Philips", 2000, "EP"
            ds.MRAcquisitionType, ds.AcquisitionNumber = "2D", t + 1
            ds.AcquisitionTime = f"1200{3 * t:02d}.00"
            ds.InstanceNumber = t * len(STACK) + n + 1

        write_series(folder, np.abs(STACK + t), modality="MR", prefix=f"T{t}", edit=edit)


def _write_pet(folder: Path) -> None:
    def edit(ds: Dataset, n: int) -> None:
        ds.RescaleSlope, ds.RescaleIntercept, ds.Units = f"{0.5 + n / 16}", 0, "BQML"
        ds.DecayCorrection, ds.CorrectedImage = "START", ["ATTN", "DECY"]
        ds.SeriesDate, ds.SeriesTime, ds.AcquisitionDate, ds.AcquisitionTime = ("20260302", "120000") * 2
        ds.Manufacturer = "SIEMENS"

    write_series(folder, np.abs(STACK), modality="PT", edit=edit)
