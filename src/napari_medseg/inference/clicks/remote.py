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
    from napari_medseg.inference.clicks.method import WindowView
    from napari_medseg.inference.clicks.window import FloatArray
    from napari_medseg.inference.worker.click_worker import ClickWorker


class _InOtherProcess:
    """The part of a `ClickMethod` that another process computes. May be used from any thread but the GUI's."""

    def __init__(self, spec: MethodSpec, worker: ClickWorker | None) -> None:
        self._spec = spec
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


class RemoteClassical(_InOtherProcess):
    """A method without a network, as a `ClickMethod`.

    Parameters
    ----------
    key : str
        One of `CLASSICAL`.
    worker : ClickWorker, optional
        Computes it; by default the one that the program shares.
    """

    def __init__(self, key: str, *, worker: ClickWorker | None = None) -> None:
        super().__init__(MethodSpec(key, None, "cpu"), worker)
        method = CLASSICAL[key]()
        self.name, self.spatial_dims, self.largest_zoom = method.name, method.spatial_dims, method.largest_zoom
        self.side = method.side


class RemoteMethod(_InOtherProcess, CardedMethod):
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
        CardedMethod.__init__(self, folder.card)
        spec = MethodSpec(str(folder.path.absolute()), str(user_folder) if user_folder else None, device)
        _InOtherProcess.__init__(self, spec, worker)
