"""One channel of an image as an image of its own."""

from typing import Any

from PIL import Image

from penstock.ops.operation import Operation, Trace

__all__ = ["CHANNEL", "channel"]


def channel(trace: Trace, number: Any) -> Trace | None:
    """Record that one channel is taken out of an image, which Pillow numbers or names."""
    names = Image.getmodebandnames(trace.mode)
    if type(number) is str:
        number = names.index(number)
    if type(number) is not int:
        return None
    if not 0 <= number < len(names):
        raise ValueError
    return trace if len(names) == 1 else trace.then("channel", number).convert("L")


CHANNEL = Operation(
    name="channel",
    says="no pixel is moved for it",
    # Of a gray image three channels are alike.
    replays={"channel": lambda image, number: image.getchannel(min(number, len(image.getbands()) - 1))},
    methods={"getchannel": channel},
    moves=True,
)
