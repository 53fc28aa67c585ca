"""Click methods that are computed in another process.

The viewer's imports no network library for them, and never waits for one that holds Python's lock while it computes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_medseg.inference.clicks.classical import CLASSICAL
from napari_medseg.inference.clicks.facts import CardedMethod
from napari_medseg.inference.worker.click_worker import default_click_worker
from napari_medseg.inference.worker.messages import MethodSpec
from napari_medseg.models.catalogue import find_model

if TYPE_CHECKING:
    from pathlib import Path

    from napari_medseg.core.progress import CancelToken
    from napari_medseg.inference.clicks.method import ClickMethod, WindowView
    from napari_medseg.inference.clicks.window import FloatArray
    from napari_medseg.inference.worker.click_worker import ClickWorker


class RemoteClassical:
    """A method without a network, as a `ClickMethod`.

    Parameters
    ----------
    key : str
        One of `CLASSICAL`.
    worker : ClickWorker, optional
        Computes it; by default the one that the program shares.
    """

    def __init__(self, key: str, *, worker: ClickWorker | None = None) -> None:
        self._method: ClickMethod = CLASSICAL[key]()
        self._spec = MethodSpec(key, None, "cpu")
        self._worker = worker or default_click_worker()

    @property
    def name(self) -> str:
        """What it is, in the reader's words."""
        return self._method.name

    @property
    def spatial_dims(self) -> tuple[int, ...]:
        """Whether it reads planes (2), volumes (3) or both."""
        return self._method.spatial_dims

    @property
    def largest_zoom(self) -> float:
        """How many times as coarse as the scan a window may be."""
        return self._method.largest_zoom

    def side(self, spatial_dims: int) -> int:
        """Return the voxels of its window along each axis."""
        return self._method.side(spatial_dims)

    def open(self, cancel: CancelToken | None = None) -> None:
        """Start the other process, and wait for it; see `RemoteMethod.open`."""
        self._worker.open(self._spec, cancel)

    def chances(self, view: WindowView, cancel: CancelToken | None = None) -> FloatArray:
        """Return, for each voxel of a window, how likely it belongs to the object; see `RemoteMethod.chances`."""
        return self._worker.look(self._spec, view, cancel)


class RemoteMethod(CardedMethod):
    """A click model, ours or another's, as a `ClickMethod`. What it is asked for is read from its card.

    May be used from any thread but the GUI's. The process starts with `open` or with the first window, and ends with
    the program.

    Parameters
    ----------
    name : str or Path
        Name of a click model, or its folder.
    device : {"auto", "cpu", "cuda", "mps"}
        Where to compute.
    user_folder : Path, optional
        Folder of the user's own models; the default of the catalogue if None.
    worker : ClickWorker, optional
        Computes it; by default the one that the program shares.

    Raises
    ------
    MedsegError
        If there is no such model, or it is no click model.
    """

    def __init__(
        self,
        name: str | Path,
        device: str = "auto",
        *,
        user_folder: Path | None = None,
        worker: ClickWorker | None = None,
    ) -> None:
        folder = find_model(str(name), user_folder)
        super().__init__(folder.card)
        self._spec = MethodSpec(str(folder.path.absolute()), str(user_folder) if user_folder else None, device)
        self._worker = worker or default_click_worker()

    def open(self, cancel: CancelToken | None = None) -> None:
        """Load it in the other process, and wait until it can answer; without this the first window waits.

        Raises
        ------
        MedsegError
            If the model is broken, or the process died.
        Cancelled
            If the token was thrown.
        """
        self._worker.open(self._spec, cancel)

    def chances(self, view: WindowView, cancel: CancelToken | None = None) -> FloatArray:
        """Return, for each voxel of a window, how likely it belongs to the object: 0 to 1.

        Raises
        ------
        MedsegError
            If the model fails in words for the user, or the process died; the next window starts another one.
        Cancelled
            If the token was thrown; what the model computes meanwhile is not waited for.
        WorkerBugError
            If the model met a bug.
        """
        return self._worker.look(self._spec, view, cancel)
