"""Sample data in napari's File menu: real scans that ship with the package (see `sample_data/README.md`)."""

from __future__ import annotations

from importlib.resources import as_file, files
from typing import TYPE_CHECKING

from napari_medseg.core.errors import MedsegError
from napari_medseg.plugin.layer_data import LayerData, to_layer_data

if TYPE_CHECKING:
    from pathlib import Path


def mr_head() -> list[LayerData]:
    """Return the T1 head template as layer data."""
    return _read_sample("mr_head")


def chest_ct() -> list[LayerData]:
    """Return the chest CT, a DICOM series, as layer data."""
    return _read_sample("chest_ct")


def chest_radiograph() -> list[LayerData]:
    """Return the chest radiograph that was simulated from the CT, as layer data."""
    return _read_sample("chest_radiograph")


def _read_sample(name: str) -> list[LayerData]:
    from napari_medseg.io import read_volume
    from napari_medseg.plugin.layers import volume_to_layer
    from napari_medseg.plugin.window import keep_heads_up

    with as_file(files("napari_medseg_data") / "sample_data" / name) as folder:
        layer = volume_to_layer(read_volume(_present(folder)))
    keep_heads_up()
    return to_layer_data([layer])


def _present(folder: Path) -> Path:
    if not folder.is_dir():
        raise MedsegError(f"The sample {folder.name} is not installed.", "Install napari-medseg again.")
    return folder
