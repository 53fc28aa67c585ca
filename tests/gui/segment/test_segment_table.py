"""The list of segments and what their sizes are in."""

from __future__ import annotations

from typing import Any

import pytest

from napari_medseg.gui.segment.segment_table import SegmentRow, SegmentTable

pytestmark = pytest.mark.gui


def test_another_unit_leaves_no_rows_of_the_layer_before(qtbot: Any) -> None:
    table = SegmentTable()
    qtbot.addWidget(table)
    table.set_unit("pixels")
    table.set_rows([SegmentRow(1, "opacity", "#ff0000", 20.0)])
    model = table.model()
    assert model is not None
    assert model.headerData(1, table.horizontalHeader().orientation()) == "pixels"
    assert model.index(0, 1).data() == "20"
    table.set_unit("mL")
    table.set_rows([])
    assert model.rowCount() == 0
    assert model.headerData(1, table.horizontalHeader().orientation()) == "mL"
