"""What Pillow's blurs have in common: radii across and down, in pixels."""

from collections.abc import Sequence
from typing import Any

from penstock import agreement
from penstock.ops.arithmetic import pillow_agrees
from penstock.ops.operation import Operation, Trace
from penstock.ops.parameters import radii_of

__all__ = ["blur"]


def blur(name: str, step: str, kind: Any, radii: Sequence[tuple[float, float]]) -> Operation:
    """Return the operation that one of Pillow's blurs is.

    Args:
        name: Of the operation.
        step: Its native name.
        kind: Pillow's class.
        radii: By which Pillow is compared.
    """

    @agreement.probe(
        f"Pillow's {name} gives the known pixels", f"{name} of images", otherwise=False, repeats=agreement.always
    )
    def agrees() -> bool:
        return all(pillow_agrees(step, pair, replay) for pair in radii)

    def records(trace: Trace, given: Any) -> Trace | None:
        pair = radii_of(given.radius)
        if pair == (0, 0):
            return trace
        return trace.then(step, *pair) if agrees() else None

    def replay(image: Any, across: float, down: float) -> Any:
        return image.filter(kind((across, down)))

    return Operation(name=name, replays={step: replay}, filters={kind: records})
