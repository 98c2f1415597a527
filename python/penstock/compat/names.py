"""Private names of a library, fetched once, and what depends on each.

A name that starts with an underscore comes and goes with a library's versions. So each is listed with what needs it;
where one is missing, something that is never used stands in its place, and what needs it steps aside before it begins.
"""

import functools
import importlib.metadata
import pkgutil
import types
from collections.abc import Iterator
from typing import Any

__all__ = ["FILES", "LOWERING", "RECORDING", "RESUME", "Names"]

# What needs a name: batches made of a plan, reading files natively, images that record, telling where an iterator is.
LOWERING = "lowering"
FILES = "files"
RECORDING = "recording"
RESUME = "resume"


class Names:
    """The private names of one library.

    Args:
        library: Its name.
        distribution: The name under which it is installed.

    Attributes:
        listed: What needs each name, by the name with all its modules and classes.
        missing: Those names that the installed version lacks.
    """

    def __init__(self, library: str, distribution: str) -> None:
        self.library, self._distribution = library, distribution
        self.listed: dict[str, frozenset[str]] = {}
        self.missing: set[str] = set()

    @property
    def version(self) -> str:
        """Of the library that is installed."""
        return importlib.metadata.version(self._distribution)

    def fetch(self, owner: str, name: str, *uses: str, instead: Any = None) -> Any:
        """Return what a module, or a class in one, has under a name.

        Args:
            owner: The module, and the class behind a colon.
            name: Of what is fetched.
            uses: What needs it.
            instead: Is returned if it is missing.
        """
        found = getattr(self._find(owner), name, _NOTHING)
        self._list(owner, name, uses, found is not _NOTHING)
        return instead if found is _NOTHING else found

    def expect(self, owner: str, names: str, *uses: str) -> None:
        """List attributes, of a class or of its instances.

        What instances have is set by code, so the code is asked whether it speaks of them.

        Args:
            owner: The module, and the class behind a colon; the module alone if any of its functions may speak of them.
            names: Of attributes, with spaces between them.
            uses: What needs them.
        """
        found = self._find(owner)
        spoken = _spoken_of(found)
        for name in names.split():
            self._list(owner, name, uses, hasattr(found, name) or name in spoken)

    def _find(self, owner: str) -> Any:
        try:
            return pkgutil.resolve_name(owner)
        except (ImportError, AttributeError, ValueError):
            return None

    def _list(self, owner: str, name: str, uses: tuple[str, ...], is_there: bool) -> None:
        full = f"{owner.replace(':', '.')}.{name}"
        self.listed[full] = self.listed.get(full, frozenset()).union(uses)
        if not is_there:
            self.missing.add(full)


_NOTHING = object()


@functools.cache
def _spoken_of(owner: Any) -> frozenset[str]:
    """Return the names, and the strings, that the code of a module, or of a class and its bases, contains."""
    return frozenset(_in_owner(owner))


def _in_owner(owner: Any) -> Iterator[str]:
    owners = owner.__mro__[:-1] if isinstance(owner, type) else [owner] if owner is not None else []
    for kind in owners:
        for value in vars(kind).values():
            function: Any = value
            if isinstance(value, (staticmethod, classmethod)):
                function = value.__func__
            elif isinstance(value, property):
                function = value.fget
            if isinstance(function, types.FunctionType):
                yield from _in_code(function.__code__)


def _in_code(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, str):
            yield constant
        elif isinstance(constant, types.CodeType):
            yield from _in_code(constant)
