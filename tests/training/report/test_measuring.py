from __future__ import annotations

import numpy as np
import pytest

from napari_medseg.core.progress import Cancelled, CancelToken
from napari_medseg.training.report import Comparison, DataFile, measure_model, measure_models, summarise
from napari_medseg.training.report.summary import RSNA, sensitivity_name

LUNGS = ("left lung", "right lung")
"""The other way round than in the data."""


def values(comparison: Comparison, model: str = "fields") -> dict[tuple[str, str], float]:
    return {(m.measure, m.class_name): m.value for m in summarise(comparison) if m.model == model}


def test_shapes_are_measured_class_by_class(make_model, fields, lungs: DataFile) -> None:
    model = make_model("fields", ("right lung", "left lung"), fields())
    comparison = measure_models([model], lungs, tolerance=1.0, measure=measure_model)
    (result,) = comparison.models
    assert comparison.unit == "px"
    assert [case.name for case in result.cases] == [f"film<{n}>" for n in range(6)]
    for n, case in enumerate(result.cases):
        right, left = 20 - 2 * n, 18 - 2 * n  # rows that are left of the 20 and the 22
        assert case.agreement["right lung"].dice == pytest.approx(2 * right / (20 + right))
        assert case.agreement["right lung"].iou == pytest.approx(right / 20)
        assert case.agreement["left lung"].dice == pytest.approx(2 * left / (22 + left))
        # Of the outline of 16 × 20 pixels more than 5 % lie 2 n rows below the cut.
        assert case.agreement["right lung"].hd95 == pytest.approx(2 * n)
    assert values(comparison)["Dice", "mean of the classes"] == pytest.approx(
        np.mean([(2 * (20 - 2 * n) / (40 - 2 * n) + 2 * (18 - 2 * n) / (40 - 2 * n)) / 2 for n in range(6)])
    )


def test_a_models_own_order_of_labels_does_not_matter(make_model, fields, lungs: DataFile) -> None:
    """A model that calls the left field "left lung", label 1, agrees with a class "left lung", label 2."""
    same = make_model("fields", ("right lung", "left lung"), fields())
    other = make_model("other", LUNGS, fields(swapped=True))
    comparison = measure_models([same, other], lungs, measure=measure_model)
    assert values(comparison) == values(comparison, "other")


def test_costs_are_told(make_model, fields, lungs: DataFile) -> None:
    model = make_model("fields", ("right lung", "left lung"), fields())
    (result,) = measure_models([model], lungs, measure=measure_model).models
    from safetensors.numpy import load_file

    weights = load_file(model.weights_path)
    assert result.parameters == sum(tensor.size for tensor in weights.values())
    assert result.file_bytes == model.weights_path.stat().st_size
    assert result.seconds > 0
    assert result.peak_bytes > 10_000_000
    assert result.device == "cpu"


def test_a_case_that_one_model_cannot_do_counts_for_none(make_model, fields, lungs: DataFile) -> None:
    whole = make_model("fields", ("right lung", "left lung"), fields())
    partial = make_model("partial", ("right lung", "left lung"), fields(fails=(5,)))
    comparison = measure_models([whole, partial], lungs, measure=measure_model)
    assert [case.problem for case in comparison.models[1].cases] == [""] * 5 + ["It is too dark."]
    assert comparison.measured_by_all == (True,) * 5 + (False,)
    assert values(comparison) == values(comparison, "partial")
    assert {m.n_cases for m in summarise(comparison)} == {5}


FOUND = {
    10: [(4.0, 8.0, 20.0, 28.0, 0.9), (26.0, 10.0, 42.0, 32.0, 0.3)],  # both right, one unsure
    11: [(4.0, 8.0, 20.0, 18.0, 0.8)],  # half of it: IoU 0.5
    12: [],
    13: [(0.0, 0.0, 8.0, 8.0, 0.7)],  # nothing is there
}


def test_findings_are_measured_by_their_boxes(make_model, finder, opacities: DataFile) -> None:
    model = make_model("finder", ("opacity",), finder(FOUND), task="instances")
    comparison = measure_models([model], opacities, measure=measure_model)
    found = values(comparison, "finder")
    # RSNA, findings from 0.5 on: 1 of 2; IoU 0.5 is more than 0.40 and 0.45, two of the eight overlaps; 0; 0.
    assert found[RSNA, "lung opacity"] == pytest.approx((0.5 + 2 / 8 + 0 + 0) / 4)
    # All scores, from IoU 0.40 on: 3 of 4 are found; one false finding in four images comes before the third.
    assert found[sensitivity_name(0.125), "lung opacity"] == pytest.approx(2 / 4)
    assert found[sensitivity_name(0.25), "lung opacity"] == pytest.approx(3 / 4)
    assert not any(measure == "Dice" for measure, _ in found), "boxes have no shape"


def test_boxes_without_shapes_need_a_model_that_detects(make_model, fields, opacities: DataFile) -> None:
    from napari_medseg.core.errors import MedsegError

    with pytest.raises(MedsegError, match="boxes without shapes"):
        measure_models([make_model("fields", ("lung opacity",), fields())], opacities, measure=measure_model)


def test_a_detector_on_masks_is_measured_both_ways(make_model, finder, lungs: DataFile) -> None:
    right = (4.0, 8.0, 20.0, 28.0)
    everywhere = {n: [(*right, 0.9), (26.0, 0.0, 42.0, 40.0, 0.2)] for n in range(6)}
    model = make_model("finder", ("right lung",), finder(everywhere, name="right lung"), task="instances")
    found = values(measure_models([model], lungs, measure=measure_model), "finder")
    assert found["Dice", "right lung"] == pytest.approx(1.0), "a weak finding is not shown to a user"
    assert found[RSNA, "right lung"] == pytest.approx(1.0)
    assert found["COCO AP", "right lung"] == pytest.approx(1.0)


def test_bad_data_stop_it_before_any_model_is_asked(make_model, fields, lungs: DataFile) -> None:
    from napari_medseg.core.errors import MedsegError

    (lungs.folder / "masks" / "film<2>.png").unlink()
    (lungs.folder / "images" / "film<4>.png").unlink()
    with pytest.raises(MedsegError, match=r"The data are not in order.*film<[24]>.*And 1 more"):
        measure_models(
            [make_model("fields", ("right lung", "left lung"), fields())],
            lungs,
            measure=lambda *_: pytest.fail("asked"),
        )


def test_no_folders_name_reaches_the_result(make_model, fields, lungs: DataFile) -> None:
    for part in ("images", "masks"):
        (lungs.folder / part / "SECRET").mkdir()
        (lungs.folder / part / "film<5>.png").rename(lungs.folder / part / "SECRET" / "film<5>.png")
    model = make_model("fields", ("right lung", "left lung"), fields(fails=(5,)))
    comparison = measure_models([model], lungs, measure=measure_model)
    named = [(case.name, case.problem) for case in (*comparison.models[0].cases,)]
    assert ("film<5>", "It is too dark.") in named
    assert "SECRET" not in f"{named}{[case.name for case in comparison.cases]}"


def test_models_must_be_comparable(make_model, fields, lungs: DataFile) -> None:
    from napari_medseg.core.errors import MedsegError

    one = make_model("one", ("right lung", "heart"), fields())
    two = make_model("two", ("left lung", "heart"), fields())
    with pytest.raises(MedsegError, match="no class in common"):
        measure_models([one, two], lungs, measure=measure_model)
    with pytest.raises(MedsegError, match="same name"):
        measure_models([one, one], lungs, measure=measure_model)


def test_it_stops_when_told(make_model, fields, lungs: DataFile) -> None:
    token, steps = CancelToken(), []

    def on_progress(done: int, total: int, label: str) -> None:
        steps.append((done, total, label))
        if label == "Evaluating fields" and done == 2:
            token.cancel()

    model = make_model("fields", ("right lung", "left lung"), fields())
    with pytest.raises(Cancelled):
        measure_models([model], lungs, on_progress=on_progress, cancel=token, measure=measure_model)
    assert steps[-1] == (2, 6, "Evaluating fields")
