"""The sides of a rectangle of which area and proportion are drawn: what torch makes of proportions."""

from typing import Any

import torch

from penstock.ops.parameters import generation_of

__all__ = ["exp", "logarithms_of", "logarithms_of_transform"]


def exp(x: float) -> float:
    """Return torch's exponential function of a float32."""
    return torch.exp(torch.tensor([x], dtype=torch.float32, device="cpu")).item()


def logarithms_of(ratio: Any) -> list[float]:
    """Return torch's logarithms of the two bounds of a proportion, in float32."""
    found: list[float] = torch.log(torch.tensor(ratio, dtype=torch.float32, device="cpu")).tolist()
    return found


def logarithms_of_transform(transform: Any) -> list[float]:
    """Return those between which a transform draws: the second generation keeps what it made of its first bounds."""
    if generation_of(transform) == "v2":
        kept: list[float] = transform._log_ratio.tolist()
        return kept
    return logarithms_of(transform.ratio)
