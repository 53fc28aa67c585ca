"""docs/conformance.md is what its command wrote last: every difference in it has the explanation of the data."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

READERS = {"dcm2niix", "SimpleITK", "highdicom or pydicom", "napari-medseg", "highdicom", "dcmqi", "dciodvfy"}
KINDS = {"unread", "refused", "number", "shape", "place", "values", "errors"}


@pytest.fixture
def entries(repository: Path) -> list[dict]:
    data = (repository / "benchmarks" / "conformance" / "differences.toml").read_text(encoding="utf-8")
    return tomllib.loads(data)["difference"]


@pytest.fixture
def page(repository: Path) -> str:
    return (repository / "docs" / "conformance.md").read_text(encoding="utf-8")


def test_entries_are_whole(entries: list[dict]) -> None:
    for entry in entries:
        assert set(entry) == {"cases", "readers", "kinds", "why"}
        assert set(entry["readers"]) <= READERS and set(entry["kinds"]) <= KINDS
        assert entry["cases"] and entry["why"].endswith(".")


def test_the_page_gives_every_reason(entries: list[dict], page: str) -> None:
    told = page.partition("## Why they differ")[2].strip().splitlines()
    assert told == [f"{n}. {entry['why']}" for n, entry in enumerate(entries, start=1)]


def test_every_difference_on_the_page_has_a_reason(entries: list[dict], page: str) -> None:
    tables = page.partition("## Why they differ")[0]
    numbers = re.findall(r"\*\*[^|]*?\[(\w+)\]", tables)
    assert len(numbers) > 50 and all(number.isdigit() for number in numbers)
    assert {int(number) for number in numbers} == set(range(1, len(entries) + 1))
    differing = [cell for row in tables.splitlines() if row.startswith("| ") for cell in row.split("|") if "**" in cell]
    assert all(re.search(r"\[\d+\]", cell) for cell in differing)
