"""Images that travel as bytes: the values are looked up where they arrive.

Behind the last operation on bytes a pipeline is a table (`penstock.conversion`), and a lookup copies bits. So values
that are looked up on a device are the same as on the processor, whose own arithmetic the table was made by.
"""

import torch

__all__ = ["CODES", "Coded", "Lookup", "codes_of"]

# Values of a byte.
CODES = 256


class Coded:
    """Images as bytes, and the table of what they stand for.

    Args:
        codes: uint8 of shape (..., C, H, W); in the memory format channels_last, or contiguous.
        table: Of shape (C, 256) and the values' dtype.

    Attributes:
        codes: The same.
        table: The same.
    """

    __slots__ = ("codes", "table")

    def __init__(self, codes: torch.Tensor, table: torch.Tensor) -> None:
        self.codes, self.table = codes, table

    def pin_memory(self) -> "Coded":
        """Return this: whoever delivers it pins it; torch's function asks whatever has such a method."""
        return self


class Lookup:
    """A table on a device, from which values are gathered.

    Args:
        table: Of shape (C, 256).
        device: Where to look values up.
    """

    def __init__(self, table: torch.Tensor, device: torch.device) -> None:
        self._values = table.to(device).view(-1)
        rows = torch.arange(0, table.numel(), CODES, dtype=torch.int32, device=device)
        self._rows = rows[:, None, None] if len(table) > 1 else None

    def __call__(self, codes: torch.Tensor) -> torch.Tensor:
        """Return what bytes on the device stand for: the table's dtype, the bytes' shape and memory format."""
        # One pass: a sum of bytes and numbers of 32 bits has 32, and lies in memory as the bytes do.
        index = codes.to(torch.int32) if self._rows is None else codes + self._rows
        last = not index.is_contiguous()
        index = index.permute(0, 2, 3, 1) if last else index
        values = self._values.index_select(0, index.reshape(-1)).view(index.shape)
        return values.permute(0, 3, 1, 2) if last else values


def codes_of(table: torch.Tensor) -> torch.Tensor | None:
    """Return the bytes that stand for the columns of a table.

    Args:
        table: Of shape (C, 256 + M): the elements of the bytes, and those of M constant margins.

    Returns:
        uint8 of the same shape; None if a margin is no byte's element in one of the channels.
    """
    words = (
        table.contiguous().view(torch.uint8).view(*table.shape, -1)
    )  # bits: a zero has two signs, NaN equals nothing
    codes = torch.arange(CODES, dtype=torch.uint8).repeat(len(table), 1)
    for column in range(CODES, table.shape[1]):
        same = (words[:, :CODES] == words[:, column, None]).all(-1)
        if not same.any(1).all():
            return None
        codes = torch.cat([codes, same.to(torch.uint8).argmax(1, keepdim=True).to(torch.uint8)], 1)
    return codes
