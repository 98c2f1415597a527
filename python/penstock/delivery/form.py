"""How images are to be delivered: known before they are made, so that whoever writes them can write them so."""

import dataclasses
from typing import Any

import torch

__all__ = ["OPTIONS", "UINT8", "Form", "check", "pins"]

# Arguments of `penstock.DataLoader` that torch's class lacks, with their defaults: keyword-only, and public attributes
# of the same names.
OPTIONS: dict[str, Any] = {"device": None, "dtype": None, "memory_format": None, "transfer": None}
UINT8 = "uint8"
_FORMATS = (None, torch.contiguous_format, torch.channels_last, torch.preserve_format)
_BATCH_OF_IMAGES = 4


@dataclasses.dataclass(frozen=True)
class Form:
    """What images are to be when they are delivered.

    An image is a tensor of shape (N, C, H, W).

    Attributes:
        dtype: Of those whose values are floating-point; None for their own.
        memory_format: Of all of them; None for that which they have.
        as_bytes: Whether bytes are to travel where a table makes the values of them.
        where: The type of the device.
    """

    dtype: torch.dtype | None
    memory_format: torch.memory_format | None
    as_bytes: bool
    where: str

    @classmethod
    def of(cls, loader: Any) -> "Form | None":
        """Return what a loader's images are to be; None if it delivers nothing.

        Raises:
            Exception: See `check`.
        """
        # Not getattr: torch's class has none of them, and a subclass of the user's may have a property of that name.
        given = {name: vars(loader).get(name, default) for name, default in OPTIONS.items()}
        if given["device"] is None:
            return None
        check(**given)
        where = torch.device(given["device"]).type
        return cls(given["dtype"], given["memory_format"], given["transfer"] == UINT8, where)

    def dtype_of(self, dtype: torch.dtype) -> torch.dtype:
        """Return the type of images that are made with this one."""
        return self.dtype if self.dtype is not None and dtype.is_floating_point else dtype

    def strides_of(self, shape: tuple[int, ...]) -> tuple[int, int, int] | None:
        """Return the strides, in elements, of each image of a new batch; None for those of a contiguous one."""
        if self.memory_format is not torch.channels_last or len(shape) != _BATCH_OF_IMAGES:
            return None
        channels, height, width = shape[1:]
        # Where both formats are the same, torch leaves a contiguous tensor as it is.
        return None if channels == 1 or height * width == 1 or 0 in shape else (1, width * channels, channels)

    def made(self, tensor: torch.Tensor) -> torch.Tensor:
        """Return a tensor as it is to be delivered, itself if it is so already."""
        if tensor.ndim != _BATCH_OF_IMAGES or (self.dtype is None and self.memory_format is None):
            return tensor
        return tensor.to(dtype=self.dtype_of(tensor.dtype), memory_format=self.memory_format or torch.preserve_format)


def check(device: Any, dtype: Any, memory_format: Any, transfer: Any) -> None:
    """Refuse options that mean nothing.

    Raises:
        ValueError: If there is no device for what is said of delivery, or an option is none of those that there are.
        Exception: torch's for a device that it does not know.
    """
    if device is not None:
        torch.device(device)
    elif (dtype, memory_format, transfer) != (None, None, None):
        raise ValueError("dtype, memory_format and transfer say how batches are delivered: device is missing")
    if dtype is not None and not (isinstance(dtype, torch.dtype) and dtype.is_floating_point):
        raise ValueError(f"dtype should be a floating-point type of torch's, got {dtype!r}")
    if memory_format not in (None, torch.contiguous_format, torch.channels_last):
        raise ValueError(f"memory_format should be torch.channels_last or contiguous_format, got {memory_format!r}")
    if transfer not in (None, UINT8):
        raise ValueError(f"transfer should be None or {UINT8!r}, got {transfer!r}")


def pins(device: Any) -> bool:
    """Whether batches on their way to a device are made in page-locked memory; without an accelerator there is none."""
    return device is not None and torch.device(device).type == "cuda" and torch.accelerator.is_available()
