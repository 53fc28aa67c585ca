from __future__ import annotations

from dataclasses import replace

from napari_medseg.core import Volume
from napari_medseg.core.volume import Window
from napari_medseg.plugin.window_presets import window_presets, window_text


def test_the_headers_windows_come_first(volume: Volume) -> None:
    ct = replace(volume, windows=(Window(50, 350, "Mediastinum"), Window(-600, 1500)), units="HU")
    names = [window_text(window) for window in window_presets(ct)]
    assert names == [
        "Mediastinum (50 / 350)",
        "-600 / 1500",
        "Soft tissue (40 / 400)",
        "Bone (400 / 1800)",
        "Brain (40 / 80)",
    ]


def test_only_hounsfield_units_have_usual_windows(volume: Volume) -> None:
    assert window_presets(replace(volume, windows=(), units="")) == ()
    own = Window(1.5, 3.0)
    assert window_presets(replace(volume, windows=(own, own), units="SUVbw")) == (own,)
