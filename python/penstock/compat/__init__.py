"""Every private name of torch, torchvision and Pillow that penstock uses, and whether all of them are there.

Nothing else in this package takes a private name from them. What needs one that is missing is not begun, and says so.
"""

from penstock.compat import pillow, torch, torchvision
from penstock.compat.names import FILES, LOWERING, RECORDING, RESUME, Names

__all__ = ["FILES", "LIBRARIES", "LOWERING", "RECORDING", "RESUME", "give_up", "missing", "why_not"]

LIBRARIES: tuple[Names, ...] = (torch.NAMES, torchvision.NAMES, pillow.NAMES)
# Why something is not tried again in this process.
_given_up: dict[str, str] = {}


def missing(*uses: str) -> tuple[str, ...]:
    """Return the names that the installed libraries lack.

    Args:
        uses: Those that any of these needs; all if there is none.
    """
    return tuple(
        name for library in LIBRARIES for name in sorted(library.missing) if not uses or library.listed[name] & {*uses}
    )


def why_not(use: str) -> str | None:
    """Return why `LOWERING`, `FILES`, `RECORDING` or `RESUME` has to step aside, None if it has not."""
    if (reason := _given_up.get(use)) is not None:
        return reason
    for library in LIBRARIES:
        names = sorted(name for name in library.missing if use in library.listed[name])
        if names:
            return f"{library.library} {library.version} has no {', '.join(names)}"
    return None


def give_up(use: str, reason: str) -> None:
    """Have something step aside for as long as this process lives."""
    _given_up[use] = reason
