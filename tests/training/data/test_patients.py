from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from napari_medseg.core.errors import MedsegError
from napari_medseg.training.data import CaseError, Fault, LabelledBox, LabelledCase, folds_by_patient

BOX = (LabelledBox(0, 0, 1, 1, 1),)


def some_cases() -> list[LabelledCase]:
    """Return 23 positive patients, some with several images, one of them negative; 31 negative, 47 probably so."""
    cases = [LabelledCase(f"a{n}", Path(f"a{n}"), f"p{n % 23}", boxes=BOX if n else ()) for n in range(40)]
    cases += [LabelledCase(f"b{n}", Path(f"b{n}"), f"q{n}") for n in range(31)]
    return cases + [LabelledCase(f"c{n}", Path(f"c{n}"), f"r{n}", weak_negative=True) for n in range(47)]


def test_patients_stay_whole_and_findings_are_spread() -> None:
    cases = some_cases()
    folds = folds_by_patient(cases, 5, seed=3)
    assert sorted(n for fold in folds for n in fold) == list(range(len(cases)))
    owners = [{cases[n].patient for n in fold} for fold in folds]
    assert sum(map(len, owners)) == len(set.union(*owners))
    for count in (
        [len(fold) for fold in folds],
        [sum(bool(cases[n].boxes) for n in fold) for fold in folds],
        [sum(cases[n].weak_negative for n in fold) for fold in folds],
    ):
        assert max(count) - min(count) <= 2


def test_the_seed_decides() -> None:
    cases = some_cases()
    assert folds_by_patient(cases, 5, seed=1) == folds_by_patient(cases, 5, seed=1)
    assert folds_by_patient(cases, 5, seed=1) != folds_by_patient(cases, 5, seed=2)


def test_small_strata_leave_no_fold_empty() -> None:
    cases = [LabelledCase(f"{n}", Path(), f"{n}", boxes=BOX if n < 2 else ()) for n in range(5)]
    assert [len(fold) for fold in folds_by_patient(cases, 5, seed=0)] == [1] * 5


@pytest.mark.parametrize("n_folds", [1, 6])
def test_too_few_patients(n_folds: int) -> None:
    cases = [LabelledCase(f"{n}", Path(), f"{n % 5}") for n in range(20)]
    with pytest.raises(MedsegError, match=f"5 patients cannot be divided into {n_folds} folds"):
        folds_by_patient(cases, n_folds, seed=0)


def test_the_error_of_a_case_survives_a_process_boundary() -> None:
    error = CaseError(Fault("empty mask", "x", "The mask of the case 'x' is empty."))
    copied = pickle.loads(pickle.dumps(error))
    assert copied.fault == error.fault and str(copied) == str(error)
