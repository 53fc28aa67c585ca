"""Read every DICOM set at hand with us and with other programs, and write the table of docs/conformance.md.

    python benchmarks/dicom_conformance.py [--output docs/conformance.md] [--only TEXT]

Needs dcm2niix, SimpleITK, highdicom, and for the segmentations dciodvfy (dicom3tools) and dcmqi. Exit status 1 if a
difference has no explanation in `conformance/differences.toml`, or an explanation has no difference any more. With
--only, cases whose names hold TEXT are read and shown, and nothing is written.
"""

from __future__ import annotations

import argparse
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "tests" / "support"))  # the writers of the tests

from conformance.explanations import Explanations  # noqa: E402
from conformance.page import Page  # noqa: E402
from conformance.pixel_cases import compression_cases, pixel_cases  # noqa: E402
from conformance.rows import PEERS, THIRD, Row, gather_rows  # noqa: E402
from conformance.segmentations import CHECKER, READERS, gather_seg_rows  # noqa: E402
from conformance.series_cases import enhanced_cases, orientation_cases, stack_cases  # noqa: E402
from conformance.shipped import nibabel_cases, pydicom_cases, reference_cases  # noqa: E402

SECTIONS = {
    "Real series": lambda: [*reference_cases(), *nibabel_cases()],
    "Files that pydicom ships": pydicom_cases,
    "Orientations": orientation_cases,
    "Series": stack_cases,
    "Enhanced images and mosaics": enhanced_cases,
    "Transfer syntaxes": compression_cases,
    "Pixels": pixel_cases,
}

INTRODUCTION = """
# Conformance: what we read, and what others read

Made by `python benchmarks/dicom_conformance.py`; do not edit it by hand. {versions}.

Every case is read by us and by two other programs, and compared voxel by voxel and millimetre by millimetre. *Equal*
means: after the permutation and flips of axes that are named (`j reversed`: dcm2niix counts rows from below), all
voxels are the same, and every one lies within 0.002 mm of its place. *To single precision* means equal but for the
rounding of 32-bit floating point numbers. Of single slices the thickness is not compared, of images without a place
the place is not. Where neither program agrees with us, {third} is asked too. A number tells why a program
differs from us: see the end.
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=REPOSITORY / "docs" / "conformance.md")
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    names = ("napari-medseg", "dcm2niix", "SimpleITK", "pydicom", "highdicom", "dcmqi")
    versions = ", ".join(told for name in names if (told := _version(name)))
    page = Page(explanations := Explanations(), INTRODUCTION.format(versions=versions, third=THIRD))
    for title, gather in SECTIONS.items():
        rows = gather_rows([case for case in gather() if options.only in case.name], _tell)
        page.add_table(title, rows, (*PEERS, *_third(rows)))
    rows = [] if options.only else gather_seg_rows(_tell)
    page.add_table("DICOM SEG: whose file, and who reads the same labels in it", rows, (CHECKER, *READERS), False)
    if options.only:
        print(page.text())
        return 0
    options.output.write_text(page.text(), encoding="utf-8")
    for text in explanations.unexplained:
        print(f"no explanation: {text}", file=sys.stderr)
    for text in explanations.idle:
        print(f"explains nothing: {text}", file=sys.stderr)
    return int(bool(explanations.unexplained or explanations.idle))


def _third(rows: list[Row]) -> tuple[str, ...]:
    return (THIRD,) if any(THIRD in row.outcomes for row in rows) else ()


def _version(name: str) -> str:
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return ""  # installed by another way than pip


def _tell(name: str) -> None:
    print(f"\r{name:<78.78}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
