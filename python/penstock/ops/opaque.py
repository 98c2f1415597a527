"""The reason why something is left to torch."""

__all__ = ["Opaque"]


class Opaque(Exception):  # noqa: N818 - not an error: it says that torch's way is taken
    """Something that cannot be lowered, and why."""
