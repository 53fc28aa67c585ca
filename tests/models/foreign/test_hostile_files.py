"""Archives and documents that want more than to be read."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from napari_medseg.core import MedsegError
from napari_medseg.models.foreign import zip_file
from napari_medseg.models.foreign.adding import add_offer, open_offer
from napari_medseg.models.foreign.documents import read_document
from napari_medseg.models.networks.onnx_parts import asks_for_other_files


def archive(path: Path, *members: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members:
            file.writestr(name, content)
    return path


def refuse(path: Path, words: str) -> None:
    with pytest.raises(MedsegError, match=words) as caught, open_offer(path):
        pass
    assert caught.value.hint


@pytest.mark.parametrize(
    "name", ["../outside.txt", "a/../../outside.txt", "/outside.txt", "C:/outside.txt", "..\\o.txt"]
)
def test_names_that_lead_out_of_an_archive(tmp_path: Path, name: str) -> None:
    (tmp_path / "in").mkdir()
    refuse(archive(tmp_path / "in" / "m.zip", (name, b"x")), "leads out of it")
    assert not (tmp_path / "outside.txt").exists()


def test_links_in_an_archive(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("models/model.pt")
    link.external_attr = 0o120777 << 16
    refuse(archive(tmp_path / "m.zip", (link, b"/etc/passwd")), "is a link")


def test_links_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("secret")
    (tmp_path / "model").mkdir()
    os.symlink(tmp_path / "elsewhere", tmp_path / "model" / "plans.json")
    refuse(tmp_path / "model", "leads out of its folder")


def test_control_characters_in_names(tmp_path: Path) -> None:
    refuse(archive(tmp_path / "m.zip", ("models/\x1b[2J.pt", b"x")), "control characters")


def test_an_archive_that_unpacks_to_too_much(tmp_path: Path) -> None:
    refuse(
        archive(tmp_path / "m.zip", ("zeros", b"\0" * (zip_file._ALWAYS_ALLOWED_BYTES + 1))), "too much for its size"
    )


def test_an_archive_that_lies_about_a_size(tmp_path: Path) -> None:
    path = archive(tmp_path / "m.zip", ("zeros", b"\0" * 100_000))
    honest = (100_000).to_bytes(4, "little")
    path.write_bytes(path.read_bytes().replace(honest, (10).to_bytes(4, "little")))
    refuse(path, "damaged ZIP")


def test_an_archive_that_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "m.zip").write_bytes(b"PK\x03\x04 and nothing more")
    refuse(tmp_path / "m.zip", "damaged ZIP")


def test_yaml_that_asks_for_objects(tmp_path: Path) -> None:
    path = tmp_path / "inference.yaml"
    path.write_text("a: !!python/object/apply:os.system ['true']")
    with pytest.raises(MedsegError, match="objects of a programming language"):
        read_document(path)


def test_yaml_whose_aliases_grow_beyond_all_bounds(tmp_path: Path) -> None:
    path = tmp_path / "inference.yaml"
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    path.write_text("\n".join(lines))
    with pytest.raises(MedsegError, match="too many values"):
        read_document(path)


@pytest.mark.parametrize("content", ["[" * 100_000, "{", "[1]", '{"a": NaN'])
def test_json_that_is_none(tmp_path: Path, content: str) -> None:
    path = tmp_path / "metadata.json"
    path.write_text(content)
    with pytest.raises(MedsegError, match="not in order"):
        read_document(path)


def test_a_torchscript_program_is_refused_and_why(tmp_path: Path) -> None:
    (tmp_path / "network.ts").write_bytes(b"x")
    refuse(tmp_path / "network.ts", "runs no code that comes with a model")


@pytest.mark.parametrize(
    "content", [b"\xff" * 40, b"\x3a\x7f", b"\x3b", b"\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"]
)
def test_bytes_that_are_no_onnx(content: bytes) -> None:
    with pytest.raises(MedsegError, match="no ONNX file"):
        asks_for_other_files(content)


def test_yaml_that_merges_beyond_all_bounds(tmp_path: Path) -> None:
    path = tmp_path / "inference.yaml"
    lines = ["a0: &a0 {k: v}"]
    lines += [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}" for n in range(1, 5)]
    path.write_text("\n".join(lines))
    with pytest.raises(MedsegError, match="merges"):
        read_document(path)


def test_a_key_that_a_runtime_would_cut_is_no_onnx() -> None:
    external = (13 << 3 | 2) | 1 << 32
    key = bytes(external >> shift & 0x7F | (0x80 if shift < 28 else 0) for shift in range(0, 35, 7))
    tensor = key + b"\0"
    graph = bytes([5 << 3 | 2, len(tensor)]) + tensor
    with pytest.raises(MedsegError, match="no ONNX file"):
        asks_for_other_files(bytes([7 << 3 | 2, len(graph)]) + graph)


CARD = """
title: t
labels: [a]
network: {spatial_dims: 3, out_channels: 2}
input: {window: [8, 8, 8]}
"""


@pytest.mark.parametrize(
    "line", ['modality: ["\\e[2JMR"]', 'body_part: "\\e[2J"', 'description: "\\u202e"', 'modality: ["M\\nR"]']
)
def test_words_that_a_terminal_would_obey(tmp_path: Path, line: str) -> None:
    (tmp_path / "n.onnx").write_bytes(b"x")
    (tmp_path / "n.yaml").write_text(CARD + line)
    refuse(tmp_path / "n.onnx", "cannot be seen")


def test_what_a_card_claims_is_not_shown_as_measured(tmp_path: Path) -> None:
    (tmp_path / "n.onnx").write_bytes(b"x")
    claim = "{dataset: d, n: 900, metric: Dice, label: a, mean: 0.99, ci_low: 0.98, ci_high: 1.0}"
    (tmp_path / "n.yaml").write_text(f"{CARD}quality: [{claim}]")
    with open_offer(tmp_path / "n.onnx") as offer:
        assert "quality" not in offer.values and "not measured here" in offer.notes[0]


def test_a_name_of_the_program_is_not_taken_silently(tmp_path: Path) -> None:
    (tmp_path / "n.onnx").write_bytes(b"x")
    (tmp_path / "n.yaml").write_text(f"{CARD}name: hippocampus-unet")
    with open_offer(tmp_path / "n.onnx") as offer, pytest.raises(MedsegError, match="comes with this program"):
        add_offer(offer, tmp_path / "user")
