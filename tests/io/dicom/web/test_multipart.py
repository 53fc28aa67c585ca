from __future__ import annotations

from collections.abc import Iterator

import pytest

from napari_medseg.io.dicom.web.multipart import CutOffError, Multipart

PARTS = [b"first \r\n--xy part", b"", b"\r\n\r\n--\r\n", bytes(range(256)) * 9]
BODY = b"".join(b"\r\n--xyz\r\nContent-Type: a/b\r\n\r\n" + part for part in PARTS) + b"\r\n--xyz--\r\n epilogue"


def cut(body: bytes, size: int) -> Iterator[bytes]:
    return iter([body[n : n + size] for n in range(0, len(body), size)])


def read(body: bytes, size: int) -> list[bytes]:
    parts = Multipart(cut(body, size), b"xyz")
    found = []
    while parts.next_part():
        found.append(b"".join(parts.content()))
    return found


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 9, 64, 10_000])
@pytest.mark.parametrize("start", [b"", b"preamble\r\n", b"--xyz\r\nX: y\r\n\r\nzeroth"])
def test_parts_however_they_are_cut(size: int, start: bytes) -> None:
    expected = [b"zeroth", *PARTS] if start.endswith(b"zeroth") else PARTS
    assert read(start + BODY, size) == expected


def test_a_first_delimiter_without_line_break() -> None:
    assert read(BODY[2:], 5) == PARTS


def test_forgotten_last_dashes() -> None:
    assert read(BODY.replace(b"\r\n--xyz--\r\n epilogue", b"\r\n--xyz\r\n"), 5) == PARTS


def test_parts_may_be_passed_over() -> None:
    parts = Multipart(cut(BODY, 11), b"xyz")
    assert [parts.next_part() for _ in range(5)] == [True] * 4 + [False]


@pytest.mark.parametrize("n_bytes", range(0, BODY.index(b"\r\n--xyz--"), 37))
def test_every_cut_off_answer_is_noticed(n_bytes: int) -> None:
    with pytest.raises(CutOffError):
        read(BODY[:n_bytes], 16)


def test_a_head_without_end() -> None:
    with pytest.raises(ValueError, match="no end"):
        read(b"\r\n--xyz" + b"x" * 10**5, 1000)
