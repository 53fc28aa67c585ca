"""Whose cases are whose: contradictions between cases, and a division into folds that keeps patients whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_medseg.core.errors import MedsegError
from napari_medseg.training.data.case import Fault

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_medseg.training.data.case import LabelledCase


def patient_faults(cases: Sequence[tuple[LabelledCase, bytes]]) -> list[Fault]:
    """Find patients that are mixed up: one image under two of them, or two of them under one id.

    Parameters
    ----------
    cases : sequence of (LabelledCase, bytes)
        Each with a fingerprint of its image's pixels, empty if unknown.

    Returns
    -------
    list of Fault
        One for each case that contradicts an earlier one. Ids and names of patients are not told.
    """
    faults = []
    by_image: dict[bytes, LabelledCase] = {}
    by_fact: dict[tuple[str, str], tuple[LabelledCase, str]] = {}
    for case, fingerprint in cases:
        twin = by_image.setdefault(fingerprint, case) if fingerprint else case
        if twin.patient != case.patient:
            same = f"The cases '{twin.name}' and '{case.name}' show the same image, under two patients."
            faults.append(Fault("patients", case.name, same))
        for fact, value in case.facts:
            other, first = by_fact.setdefault((case.patient, fact), (case, value))
            if first != value:
                share = f"The cases '{other.name}' and '{case.name}' share a patient's id and differ in '{fact}'."
                faults.append(Fault("patients", case.name, share))
    return faults


def folds_by_patient(cases: Sequence[LabelledCase], n_folds: int, seed: int) -> list[list[int]]:
    """Divide cases into folds such that no patient is in two, and findings are spread evenly.

    Patients with findings, without, and those of weak negatives alone are dealt out one after the other.

    Parameters
    ----------
    cases : sequence of LabelledCase
        All cases.
    n_folds : int
        Number of folds.
    seed : int
        The same seed gives the same folds.

    Returns
    -------
    list of list of int
        Indices of the cases of each fold, ascending.

    Raises
    ------
    MedsegError
        If there are fewer patients than folds.
    """
    from napari_medseg.training.cases import make_folds  # brings torch, which reading cases does without

    n_patients = len({case.patient for case in cases})
    if n_folds < 2 or n_patients < n_folds:
        raise MedsegError(f"{n_patients} patients cannot be divided into {n_folds} folds.", "Ask for fewer folds.")
    grade: dict[str, int] = {}
    for case in cases:
        grade[case.patient] = max(grade.get(case.patient, 0), _grade(case))
    folds: list[list[int]] = [[] for _ in range(n_folds)]
    for stratum in sorted(set(grade.values()), reverse=True):
        members = [n for n, case in enumerate(cases) if grade[case.patient] == stratum]
        parts = make_folds([cases[n].patient for n in members], n_folds, seed)
        # The emptiest fold takes the fullest part: strata smaller than the number of folds do not pile up in one.
        for fold, part in zip(sorted(folds, key=len), sorted(parts, key=len, reverse=True), strict=True):
            fold += [members[n] for n in part]
    return [sorted(fold) for fold in folds]


def _grade(case: LabelledCase) -> int:
    return 2 if case.boxes or case.masks else 0 if case.weak_negative else 1
