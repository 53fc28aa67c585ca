"""Tiny models of others, added as users add them."""

from __future__ import annotations

from pathlib import Path

import pytest

from foreign_click_models import write_nninteractive, write_sam
from napari_medseg.models.foreign.adding import add_offer, open_offer


def _added(folder: Path, target: Path) -> Path:
    with open_offer(folder) as offer:
        return add_offer(offer, target).path


@pytest.fixture(scope="session")
def sam_source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder as transformers wrote it."""
    pytest.importorskip("transformers", reason="the extra 'sam' is not installed")
    return write_sam(tmp_path_factory.mktemp("source") / "tiny-sam")


@pytest.fixture(scope="session")
def sam_model(sam_source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _added(sam_source, tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def nninteractive_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("dynamic_network_architectures", reason="the extra 'nninteractive' is not installed")
    source = write_nninteractive(tmp_path_factory.mktemp("source") / "tiny-nninteractive")
    return _added(source, tmp_path_factory.mktemp("models"))
