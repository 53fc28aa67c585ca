"""How sure a measured value is: 95 % intervals by resampling patients.

Several images of one patient are alike, so patients are drawn with replacement, each with all their cases, and the
2.5th and 97.5th percentile of the values of such draws are given (Efron and Tibshirani, 1993, percentile interval).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np
import numpy.typing as npt

from napari_medseg.core.progress import CancelToken, ProgressCallback, report

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FloatArray = npt.NDArray[np.float64]
Case = TypeVar("Case")

_RESAMPLES = 10_000
_DRAWN_AT_ONCE = 2_000_000
_PERCENTILES = (2.5, 97.5)


def patient_interval(values: Sequence[float], patients: Sequence[str], seed: int = 0) -> tuple[float, float]:
    """Return the 95 % interval of the mean over cases, resampling patients with all their cases.

    For the difference of two models on the same cases, give the differences.

    Parameters
    ----------
    values : sequence of float
        One a case; NaN does not count.
    patients : sequence of str
        The patient of each case.
    seed : int
        The same seed gives the same interval.

    Returns
    -------
    tuple of float
        Lower and upper end; NaN if no value counts.

    Raises
    ------
    ValueError
        If there are not as many patients as values, none at all, or a value is infinite.
    """
    codes = _patient_codes(len(values), patients)
    given = np.asarray(values, dtype=np.float64)
    if np.isinf(given).any():
        raise ValueError("An infinite value has no place in a mean.")
    known = ~np.isnan(given)
    n_patients = int(codes.max()) + 1
    sums = np.bincount(codes[known], weights=given[known], minlength=n_patients)
    counts = np.bincount(codes[known], minlength=n_patients)
    generator = np.random.default_rng(seed)
    drawn_sums, drawn_counts = np.empty(_RESAMPLES), np.empty(_RESAMPLES)
    at_once = max(1, _DRAWN_AT_ONCE // n_patients)
    for start in range(0, _RESAMPLES, at_once):
        block = slice(start, min(start + at_once, _RESAMPLES))
        drawn = generator.integers(0, n_patients, (block.stop - block.start, n_patients))
        drawn_sums[block], drawn_counts[block] = sums[drawn].sum(axis=1), counts[drawn].sum(axis=1)
    drawn_any = drawn_counts > 0
    low, high = _ends(drawn_sums[drawn_any] / drawn_counts[drawn_any])
    return low, high


def statistic_interval(
    cases: Sequence[Case],
    patients: Sequence[str],
    statistic: Callable[[list[Case]], npt.ArrayLike],
    *,
    resamples: int = 1000,
    seed: int = 0,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> FloatArray:
    """Return the 95 % interval of any value of a whole set of cases, resampling patients with all their cases.

    For what is no mean over cases: average precision, sensitivity at a rate of false positives, a median. For the
    difference of two models, let a case be the pair of their results.

    Parameters
    ----------
    cases : sequence
        What the statistic is computed from, such as the `Matches` of each image.
    patients : sequence of str
        The patient of each case.
    statistic : callable
        From a list of cases to a number, or to an array of always the same shape. NaN does not count: say, a draw in
        which there is nothing to find.
    resamples : int
        How many draws.
    seed : int
        The same seed gives the same interval.
    on_progress, cancel
        See `napari_medseg.core.progress`.

    Returns
    -------
    ndarray of float, shape (2, ...)
        Lower and upper end of each number; NaN if no draw gave one.

    Raises
    ------
    ValueError
        If there are not as many patients as cases, or none at all.
    Cancelled
        If cancelled.
    """
    codes = _patient_codes(len(cases), patients)
    of_patient = [np.flatnonzero(codes == code) for code in range(int(codes.max()) + 1)]
    generator = np.random.default_rng(seed)
    values = []
    for done in range(resamples):
        drawn = generator.integers(0, len(of_patient), len(of_patient))
        values.append(np.asarray(statistic([cases[n] for patient in drawn for n in of_patient[patient]]), np.float64))
        report(on_progress, done + 1, resamples, "Resampling patients", cancel)
    table = np.stack(values)
    ends = [_ends(column) for column in table.reshape(resamples, -1).T]
    return np.array(ends, dtype=np.float64).T.reshape(2, *table.shape[1:])


def _patient_codes(n_cases: int, patients: Sequence[str]) -> npt.NDArray[np.intp]:
    """Return the patient of each case as a number from 0."""
    if not n_cases or len(patients) != n_cases:
        raise ValueError(f"{n_cases} cases of {len(patients)} patients: each case has one, and there is at least one.")
    return np.unique(np.asarray(patients), return_inverse=True)[1]


def _ends(values: FloatArray) -> tuple[float, float]:
    known = values[~np.isnan(values)]
    if not known.size:
        return float("nan"), float("nan")
    low, high = np.percentile(known, _PERCENTILES)
    return float(low), float(high)
