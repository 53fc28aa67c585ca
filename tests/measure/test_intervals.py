from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from napari_medseg.core.progress import Cancelled, CancelToken
from napari_medseg.measure import (
    COCO_OVERLAPS,
    ImageBoxes,
    coco_precision,
    match_images,
    patient_interval,
    statistic_interval,
)


def test_an_interval_lies_about_the_mean() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(0.9, 0.03, 200)
    low, high = patient_interval(list(values), [str(n) for n in range(200)])
    expected = 1.96 * values.std() / np.sqrt(200)
    assert low == pytest.approx(values.mean() - expected, rel=0, abs=0.1 * expected)
    assert high == pytest.approx(values.mean() + expected, rel=0, abs=0.1 * expected)


def test_two_alike_cases_of_a_patient_count_as_one() -> None:
    values = list(np.random.default_rng(0).normal(0.9, 0.03, 100))
    single = patient_interval(values, [str(n) for n in range(100)])
    doubled = patient_interval(values * 2, [str(n) for n in range(100)] * 2)
    assert doubled[1] - doubled[0] == pytest.approx(single[1] - single[0], rel=0.05)


def test_an_unknown_value_does_not_count() -> None:
    assert patient_interval([0.5, float("nan"), 0.5], ["a", "b", "c"]) == (0.5, 0.5)
    assert np.isnan(patient_interval([float("nan")], ["a"])).all()


def test_an_infinite_value_is_refused() -> None:
    with pytest.raises(ValueError, match="infinite"):
        patient_interval([0.5, float("inf")], ["a", "b"])


@pytest.mark.parametrize("statistic", [np.mean, np.median])
def test_the_interval_is_that_of_scipy_where_each_case_is_a_patient(statistic) -> None:
    values = np.random.default_rng(3).gamma(2, 1, 60)
    patients = [str(n) for n in range(60)]
    theirs = stats.bootstrap((values,), statistic, method="percentile", n_resamples=9999, rng=1).confidence_interval
    width = theirs.high - theirs.low
    assert statistic_interval(list(values), patients, statistic, resamples=2000) == pytest.approx(
        theirs, abs=0.08 * width
    )
    if statistic is np.mean:
        assert patient_interval(list(values), patients) == pytest.approx(theirs, abs=0.08 * width)


def test_patients_are_drawn_with_all_their_cases() -> None:
    values = list(np.random.default_rng(1).normal(0, 1, 30))
    patients = [f"p{n % 10}" for n in range(30)]
    seen = []
    statistic_interval(
        list(zip(patients, values, strict=True)), patients, lambda c: seen.append(c) or 0.0, resamples=50
    )
    for drawn in seen:
        assert len(drawn) == 30
        names = [patient for patient, _ in drawn]
        assert all(names.count(patient) % 3 == 0 for patient in names)
    assert any(len({patient for patient, _ in drawn}) < 10 for drawn in seen)
    of_mean = statistic_interval(values, patients, np.mean, resamples=4000)
    expected = patient_interval(values, patients)
    assert of_mean == pytest.approx(expected, abs=0.05 * (expected[1] - expected[0]))


def test_several_numbers_at_once_for_a_whole_set_of_images(images: list[ImageBoxes]) -> None:
    matches = match_images(images, COCO_OVERLAPS)
    low, high = statistic_interval(matches, [f"p{n // 2}" for n in range(40)], coco_precision, resamples=100)
    assert low.shape == high.shape == (3,)
    value = np.array(coco_precision(matches))
    assert (low < value).all() and (value < high).all()


def test_a_draw_with_nothing_to_find_does_not_count() -> None:
    box = [[0, 0, 9, 9]]
    matches = match_images([ImageBoxes(box, [1], box), ImageBoxes([], [], [])], COCO_OVERLAPS)
    assert statistic_interval(matches, ["a", "b"], coco_precision, resamples=30) == pytest.approx(np.ones((2, 3)))
    assert np.isnan(statistic_interval(matches[1:], ["b"], coco_precision, resamples=3)).all()


def test_the_same_seed_gives_the_same_interval() -> None:
    values, patients = list(np.random.default_rng(0).normal(0, 1, 20)), [str(n) for n in range(20)]
    first = statistic_interval(values, patients, np.mean, resamples=50, seed=4)
    assert np.array_equal(first, statistic_interval(values, patients, np.mean, resamples=50, seed=4))
    assert not np.array_equal(first, statistic_interval(values, patients, np.mean, resamples=50, seed=5))


@pytest.mark.parametrize(("cases", "patients"), [([], []), ([1.0], []), ([1.0], ["a", "b"])])
def test_cases_without_their_patients_are_refused(cases: list, patients: list) -> None:
    with pytest.raises(ValueError, match="each case has one"):
        patient_interval(cases, patients)
    with pytest.raises(ValueError, match="each case has one"):
        statistic_interval(cases, patients, np.mean)


def test_progress_is_told_and_work_can_be_stopped() -> None:
    told: list[tuple[int, int]] = []
    token = CancelToken()

    def listen(done: int, total: int, _: str) -> None:
        told.append((done, total))
        if done == 3:
            token.cancel()

    with pytest.raises(Cancelled):
        statistic_interval([1.0], ["a"], np.mean, resamples=10, on_progress=listen, cancel=token)
    assert told == [(1, 10), (2, 10), (3, 10)]
