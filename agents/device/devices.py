"""Find the device that a user names, or say in one line what is there."""

from __future__ import annotations

from auctionsim.errors import InputError, shown, suggestion
from auctionsim.extras import missing_extra

try:
    import torch
except ImportError as error:
    raise missing_extra("torch", __name__) from error

_INSTALL = "https://pytorch.org/get-started/locally"


def known_devices() -> tuple[str, ...]:
    """Return the names of the devices that this machine's torch computes on: `cpu`, and `cuda`, `cuda:0`, ... for each GPU."""
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return ("cpu", *(["cuda"] if gpus else []), *(f"cuda:{i}" for i in range(gpus)))


def found_device(source: str, device: torch.device | str) -> torch.device:
    """Return a device that is there.

    Args:
        source: The argument or key that names it, which begins the message.
        device: Name of the device, `cpu`, `cuda` or `cuda:N`; or a device of torch.

    Raises:
        InputError: It is no such name, or there is no such device; the message says what is there, and what is missing.
    """
    name = str(device) if isinstance(device, torch.device) else device
    known = known_devices()
    if isinstance(name, str) and name in known:
        return torch.device(name)
    if isinstance(name, str) and (name == "cuda" or name.startswith("cuda:")):
        raise InputError(f"{source}: expected one of {', '.join(known)}, got {shown(name)}{_why_not(len(known) > 1)}")
    hint = suggestion(name, [*known, "cuda"]) if isinstance(name, str) else ""
    raise InputError(f"{source}: expected one of {', '.join(known)}, got {shown(name)}{hint}")


def name_of(device: torch.device) -> str:
    """Return the name of a device with its number: `cpu` or `cuda:N`, torch's current GPU where it has none."""
    if device.type != "cuda":
        return str(device)
    return f"cuda:{torch.cuda.current_device() if device.index is None else device.index}"


def _why_not(has_gpus: bool) -> str:
    """Return what is missing for a GPU: nothing where there are others, a build of torch, or the GPU or its driver."""
    if has_gpus:
        return ""
    if torch.version.cuda is None:
        return f" (torch {torch.__version__} was built without CUDA; install one with it: {_INSTALL})"
    return f" (torch {torch.__version__} was built for CUDA {torch.version.cuda} and finds no GPU; see nvidia-smi)"
