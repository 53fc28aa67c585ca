"""Where a network runs."""

from __future__ import annotations

from dataclasses import dataclass

from napari_medseg.core.errors import MedsegError

DEVICE_NAMES = ("auto", "cpu", "cuda", "mps")


@dataclass(frozen=True)
class Accelerators:
    """What this machine offers besides its processor.

    Parameters
    ----------
    cuda : str
        Name of the NVIDIA or AMD card that torch can use; empty if there is none.
    mps : bool
        Whether Apple's GPU can be used.
    """

    cuda: str = ""
    mps: bool = False


@dataclass(frozen=True)
class DeviceChoice:
    """A device and why it was chosen.

    Parameters
    ----------
    name : {"cpu", "cuda", "mps"}
        Torch's name of it.
    reason : str
        One sentence for the user.
    """

    name: str
    reason: str


def find_accelerators() -> Accelerators:
    """Ask torch what it can use."""
    import torch

    cuda = torch.cuda.get_device_name(0) if torch.cuda.is_available() else ""
    return Accelerators(cuda, bool(torch.backends.mps.is_available()))


def choose_device(wish: str = "auto", accelerators: Accelerators | None = None) -> DeviceChoice:
    """Choose where to compute.

    Parameters
    ----------
    wish : {"auto", "cpu", "cuda", "mps"}
        "auto" takes a GPU where there is one, and the processor otherwise.
    accelerators : Accelerators, optional
        What the machine offers; asked from torch if None.

    Returns
    -------
    DeviceChoice
        The device.

    Raises
    ------
    MedsegError
        If the wish is unknown, or the machine does not have it.
    """
    if wish not in DEVICE_NAMES:
        raise MedsegError(f"There is no device {wish!r}.", f"Choose one of {', '.join(DEVICE_NAMES)}.")
    if wish == "cpu":
        return DeviceChoice("cpu", "The processor, as asked for.")
    offered = accelerators if accelerators is not None else find_accelerators()
    if offered.cuda and wish in ("auto", "cuda"):
        return DeviceChoice("cuda", f"The graphics card {offered.cuda}.")
    if offered.mps and wish in ("auto", "mps"):
        return DeviceChoice("mps", "Apple's graphics processor.")
    if wish == "auto":
        return DeviceChoice("cpu", "The processor: torch finds no graphics card that it can use.")
    raise MedsegError(f"Torch finds no device {wish!r} on this machine.", "Choose 'auto' or 'cpu'.")
