"""How the volumes of a diffusion series are weighted."""

from __future__ import annotations

from dataclasses import dataclass

Vector = tuple[float, float, float]


@dataclass(frozen=True)
class Diffusion:
    """The diffusion weighting of each frame of a fourth axis (PS3.3 C.8.13.5.9).

    Parameters
    ----------
    b_values : tuple of float
        In s/mm², one for each frame.
    gradients_ras : tuple of (tuple of float or None)
        Unit vectors of the gradients in RAS, one for each frame; None where there is none, or the file does not tell.
    """

    b_values: tuple[float, ...]
    gradients_ras: tuple[Vector | None, ...]

    def __post_init__(self) -> None:
        if len(self.b_values) != len(self.gradients_ras):
            raise ValueError(f"{len(self.b_values)} b-values and {len(self.gradients_ras)} gradients.")

    @property
    def has_all_gradients(self) -> bool:
        """Whether every weighted frame has a gradient."""
        return all(
            gradient is not None
            for b_value, gradient in zip(self.b_values, self.gradients_ras, strict=True)
            if b_value > 0
        )
