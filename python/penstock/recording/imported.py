"""Under which names modules have imported a function.

`from torchvision.transforms.functional import to_tensor` gives a module a name of its own for the function, which what
takes the function's place has to take as well.
"""

import itertools
import sys
import types
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

__all__ = ["names_of"]

Name = tuple[dict[str, Any], str, Any]

# How many modules there were when names were looked for last, and what was found.
_last: tuple[int, list[Name]] = (0, [])


def names_of(functions: Sequence[Any], *, only_new: bool = False) -> list[Name]:
    """Return the global names of all modules, but those of this package, that stand for one of some functions.

    Args:
        functions: The same ones each time.
        only_new: Whether modules that were there when names were looked for last need not be looked at again. In a
            forked process each page with a value of theirs would be copied, for its count of references.

    Returns:
        Namespace, name in it, and function.
    """
    global _last
    count, found = _last
    if count != len(sys.modules):
        newest = len(sys.modules) - count if only_new and len(sys.modules) > count else None
        loaded = [*itertools.islice(reversed(sys.modules.items()), newest)]
        modules = [module for name, module in loaded if name.partition(".")[0] != "penstock"]
        before = [] if newest is None else found
        _last = count, found = len(sys.modules), [*before, *_in(modules, functions)]
    # A notebook's, or an interpreter's, gets names without importing anything.
    module = sys.modules.get("__main__")
    main = *_in([module], functions), *_in_namespaces(_of_copied(module), functions)
    return [name for name in (*found, *main) if name[0].get(name[1]) is name[2]]


def _in(modules: Sequence[Any], functions: Sequence[Any]) -> Iterator[Name]:
    namespaces = (module.__dict__ for module in modules if isinstance(module, types.ModuleType))
    return _in_namespaces(namespaces, functions)


def _in_namespaces(namespaces: Iterable[dict[str, Any]], functions: Sequence[Any]) -> Iterator[Name]:
    wanted = {id(function): function for function in functions}
    for names in namespaces:
        # A copy, as other threads may import meanwhile; few modules have any.
        if not wanted.keys().isdisjoint(map(id, [*names.values()])):
            yield from ((names, name, value) for name, value in [*names.items()] if id(value) in wanted)


def _of_copied(module: Any) -> list[dict[str, Any]]:
    """Return the globals of a main module's own functions where that is another one's copy.

    A process that was not forked runs the program's file again, and makes a module of a copy of what comes of it.
    """
    names = getattr(module, "__dict__", {})
    if names.get("__name__") != "__mp_main__":
        return []
    classes = [value for value in [*names.values()] if isinstance(value, type)]
    own = [*names.values(), *(value for kind in classes for value in vars(kind).values())]
    found = (value.__globals__ for value in own if isinstance(value, types.FunctionType))
    copied = (globals_ for globals_ in found if globals_.get("__name__") == "__mp_main__" and globals_ is not names)
    return [*{id(globals_): globals_ for globals_ in copied}.values()]
