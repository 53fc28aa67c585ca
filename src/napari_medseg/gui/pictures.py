"""Arrays as Qt's pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtGui import QImage, QPixmap

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def grey_pixmap(image: npt.NDArray[np.uint8]) -> QPixmap:
    """Return a picture of grey values, shape (rows, columns)."""
    rows, columns = image.shape
    data = image.tobytes()
    return QPixmap.fromImage(QImage(data, columns, rows, columns, QImage.Format.Format_Grayscale8).copy())
