"""What native code needs to know of an image: its file's header, and what was done to it."""

import struct

__all__ = ["FORMATS", "NOBODY", "Head", "Steps", "record_of"]

# Height, width, channels and format of a file, as in `FORMATS`.
Head = tuple[int, int, int, str]
# As native code takes them.
Steps = tuple[bytes, ...]

# Formats by Pillow's names; the places are the numbers in records. A PNG of Pillow's mode "P" is one whose pixels are
# left as the numbers of its palette's colours.
FORMATS = ("JPEG", "PNG", "PPM", "PNG/P")
# The identity of a file that is not known again.
NOBODY = bytes(16)
_HEAD = struct.Struct("<16sIIBBH")


def record_of(head: Head, steps: Steps, identity: bytes = NOBODY) -> bytes:
    """Return what native code needs to know of an image: its file's header, and what was done to it."""
    height, width, channels, file_format = head
    packed = _HEAD.pack(identity, height, width, channels, FORMATS.index(file_format), len(steps))
    return packed + b"".join(steps)
