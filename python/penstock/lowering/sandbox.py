"""Runs a user's function where it can change nothing, and cannot see what it does not know.

The function's own code runs, with other globals: each name that it looks up gives plain data, a copy of them, or a
stand-in. Of functions that are known (the caller says which) the stand-in does what the caller wants; the code of any
other Python function is run in the same manner; modules and plain objects are looked into, read-only. Everything else
is refused at the moment at which it is met. So what a call comes to without being refused is what it would come to
outside, and nobody else in the process, no other thread either, has noticed.
"""

import builtins
import copy
import functools
import inspect
import logging
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from penstock.lowering.targets import is_data

__all__ = ["Object", "Refused", "Sandbox", "StandIn", "Stopped", "has_plain_attributes", "innermost"]

_GENERATORS = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR | inspect.CO_ITERABLE_COROUTINE
# Ways from an object to what is behind it; names of two underscores are others.
_WAYS_OUT = frozenset(
    {"gi_frame", "gi_code", "cr_frame", "ag_frame", "tb_frame", "with_traceback", "tofile", "dump", "keywords"}
)
# Globals of torch and Python that are others in a worker.
_OF_A_WORKER = frozenset({"_worker_info", "_parent_process", "_current_process"})
_BUILTINS = frozenset(
    {
        *("abs", "all", "any", "bin", "bool", "bytes", "chr", "complex", "dict", "divmod", "enumerate", "filter"),
        *("float", "format", "frozenset", "hex", "int", "iter", "len", "list", "map", "max", "min", "next", "ord"),
        *("pow", "range", "repr", "reversed", "round", "set", "slice", "sorted", "str", "sum", "tuple", "zip"),
    }
)
# Kinds of objects that have a name themselves.
_NAMED = (type, types.FunctionType, types.BuiltinFunctionType, functools._lru_cache_wrapper)
_PLAIN_LOOKUPS: tuple[Any, ...] = (object.__getattribute__, types.SimpleNamespace.__getattribute__)
# Flags of types: Py_TPFLAGS_HEAPTYPE, and those that say what a `case` of a mapping or a sequence matches.
_WRITTEN_IN_PYTHON = 1 << 9
_MATCHES = 1 << 5 | 1 << 6
_TORCH = str(Path(torch.__file__).parent)
# Entries of a container; to copy it for each worker would take longer than to start one.
_MOST_COPIED = 1000
# What asks only which packages are installed, and remembers the answer: classes and functions by module and name.
_ASKS_WHAT_IS_INSTALLED = (
    ("lightning_utilities.core.imports", "RequirementCache"),
    ("transformers.utils.import_utils", "is_torch_available"),
    ("transformers.utils.import_utils", "is_torch_hpu_available"),
    ("transformers.utils.import_utils", "is_torch_mlu_available"),
    ("transformers.utils.import_utils", "is_torch_musa_available"),
    ("transformers.utils.import_utils", "is_torch_npu_available"),
    ("transformers.utils.import_utils", "is_torch_xpu_available"),
)


class Refused(Exception):  # noqa: N818 - it says what a function would do that is not known
    """A function wants more than a sandbox gives it."""


class Stopped(BaseException):
    """The same while the function runs; no `except Exception` of its own gets hold of it."""


class Sandbox:
    """Stand-ins for one call.

    Args:
        known: For functions and types by their ids, what stands in their place.
        copied: For objects of the process by their ids, what makes a copy to stand in their place.

    Attributes:
        refused: What was refused first, whatever the function made of the exception; None if nothing was.
        reads_process: Whether the call has looked at what a process that was started anew might not have: the values
            of globals, environment variables.
    """

    def __init__(self, known: Mapping[int, Any], copied: Mapping[int, Callable[[], Any]]) -> None:
        self.refused: str | None = None
        self.reads_process = False
        self._known, self._copied = known, copied
        # By the ids of what they stand for; that is kept alive with them.
        self._made: dict[int, tuple[Any, Any]] = {}
        self._copies: list[tuple[Any, Any]] = []
        self._cells: list[tuple[Any, Any]] = []
        self._names: list[_Names] = []

    def call(self, function: Any, *arguments: Any) -> Any:
        """Call a function.

        Raises:
            Refused: If it wants something that is not known, or has changed what others can see.
            Exception: What it raises itself.
        """
        try:
            result = self.stand_in(function)(*arguments)
            if self.refused is None and not self._is_as_before():
                self.refuse("it keeps what it has seen")
        except (Stopped, SystemExit) as stopped:
            raise Refused(self.refused or "it ends the process") from stopped
        if self.refused is not None:
            raise Refused(self.refused)
        return result

    def close(self) -> None:
        """Let go of what was made; sandbox and stand-ins refer to each other."""
        self._known, self._copied = {}, {}
        self._made.clear()
        self._names.clear()
        self._cells.clear()

    def refuse(self, what: str) -> Any:
        """End the call, now or, if the function goes on all the same, later."""
        self.refused = self.refused or what
        raise Stopped(what)

    def check(self, code: types.CodeType) -> None:
        """Refuse code that must not run, by what it is made of."""
        if code.co_flags & _GENERATORS:
            self.refuse(f"a generator, {code.co_name}")

    def enter(self, code: types.CodeType, arguments: tuple[Any, ...], keywords: Mapping[str, Any]) -> None:
        """Refuse a call of a function, by what it is given."""

    def allows(self, name: str) -> bool:
        """Whether code may name an attribute or a global so."""
        return not name.startswith("__") and name not in _WAYS_OUT and name not in _OF_A_WORKER

    def stand_in(self, value: Any) -> Any:
        """Return what the function may have in the place of a value."""
        made = self._made.get(id(value))
        if made is None:
            made = self._made[id(value)] = value, self._make(value)
        return made[1]

    def look_up(self, value: Any) -> Any:
        """Return what the function may have in the place of what is known by a name."""
        is_code = issubclass(type(value), (types.FunctionType, types.ModuleType)) or id(value) in self._known
        self.reads_process |= not is_code and not _asks_what_is_installed(value)
        return self.stand_in(value)

    def _make(self, value: Any) -> Any:
        known = id(innermost(value))
        if known in self._known:
            return self._known[known]
        if id(value) in self._copied:
            return self._copied[id(value)]()
        if isinstance(value, (tuple, list, dict, set, frozenset)) and len(value) > _MOST_COPIED:
            return self.refuse(f"a {type(value).__name__} of {len(value)}")
        if is_data(value):
            mine = copy.deepcopy(value)
            self._copies.append((mine, value))
            return mine
        kind = type(value)
        if kind is types.FunctionType:
            return _Function(self, value)
        if issubclass(kind, types.ModuleType):
            return _Module(self, value)
        if kind is types.MethodType:
            return functools.partial(self.stand_in(value.__func__), self.stand_in(value.__self__))
        if kind is functools.partial:
            keywords = {name: self.stand_in(item) for name, item in value.keywords.items()}
            return functools.partial(self.stand_in(value.func), *map(self.stand_in, value.args), **keywords)
        if issubclass(kind, logging.Logger):
            return _Logger(self, value)
        if _asks_what_is_installed(value):
            return value
        if has_plain_attributes(value):
            return Object(self, value)
        return self.refuse(_name_of(value))

    def names(self, function: types.FunctionType) -> "_Names":
        """Return the globals that a function's code is given."""
        names = _Names(self, function)
        self._names.append(names)
        return names

    def cells(self, function: types.FunctionType) -> tuple[types.CellType, ...] | None:
        """Return cells with stand-ins for what a function's own cells hold."""
        if function.__closure__ is None:
            return None
        cells = []
        for cell in function.__closure__:
            try:
                mine = types.CellType(self.stand_in(cell.cell_contents))
            except ValueError:
                self.refuse("a name that has no value")
            self._cells.append((mine, mine.cell_contents))
            cells.append(mine)
        return tuple(cells)

    def _is_as_before(self) -> bool:
        """Whether data that others have, and that the function had copies of, are what they were."""
        return (
            all(_same(mine, other) for mine, other in self._copies)
            and all(cell.cell_contents is held for cell, held in self._cells)
            and all(dict.keys(names) == {"__builtins__"} for names in self._names)
        )

    def builtin(self, name: str) -> Any:
        """Return a builtin by its name."""
        value = vars(builtins).get(name)
        if name in _BUILTINS or (isinstance(value, type) and issubclass(value, BaseException)):
            return value
        mine: dict[str, Callable[..., Any]] = {
            "isinstance": self._isinstance,
            "getattr": self._getattr,
            "hasattr": self._hasattr,
        }
        return mine[name] if name in mine else self.refuse(name)

    def _isinstance(self, value: Any, kind: Any) -> bool:
        if issubclass(type(value), (StandIn, functools.partial)):
            self.refuse("isinstance")
        return isinstance(value, kind)

    def _getattr(self, value: Any, name: str, *default: Any) -> Any:
        if type(name) is not str or not self.allows(name):
            self.refuse(str(name))
        return getattr(value, name, *default)

    def _hasattr(self, value: Any, name: str) -> bool:
        nothing = object()
        return self._getattr(value, name, nothing) is not nothing

    def imported(self, name: str, _globals: Any = None, _locals: Any = None, wanted: Any = (), level: int = 0) -> Any:
        """Stand in for `__import__`: only what is there already is found."""
        if level or name not in sys.modules:
            self.refuse(f"import {name}")
        return self.stand_in(sys.modules[name if wanted else name.partition(".")[0]])


class _Names(dict[str, Any]):
    """A function's globals and builtins, as its code looks them up; nothing but `__builtins__` is in it."""

    def __init__(self, sandbox: Sandbox, function: types.FunctionType) -> None:
        refused = functools.partial(sandbox.refuse, "a class statement")
        super().__init__(__builtins__={"__import__": sandbox.imported, "__build_class__": refused})
        self._sandbox, self._globals = sandbox, function.__globals__

    def __getitem__(self, name: str) -> Any:
        if name in self._globals:
            return self._sandbox.look_up(self._globals[name])
        given = self._globals.get("__builtins__", builtins)
        table = given if isinstance(given, dict) else vars(given)
        if table is not vars(builtins):
            self._sandbox.refuse("builtins of its own")
        if name not in table:
            raise KeyError(name)
        return self._sandbox.builtin(name)


class StandIn:
    """What stands for something that may be looked at in its own way only."""

    __slots__ = ("_real", "_sandbox")

    def __init__(self, sandbox: Sandbox, real: Any) -> None:
        object.__setattr__(self, "_sandbox", sandbox)
        object.__setattr__(self, "_real", real)

    def __getattribute__(self, name: str) -> Any:
        sandbox, real = (object.__getattribute__(self, slot) for slot in ("_sandbox", "_real"))
        return type(self)._find(sandbox, self, real, name)

    @staticmethod
    def _find(sandbox: Sandbox, me: Any, real: Any, name: str) -> Any:  # noqa: ARG004 - for those that look for something
        return sandbox.refuse(f"{_name_of(real)}.{name}")

    def __setattr__(self, name: str, value: Any) -> None:
        sandbox, real = (object.__getattribute__(self, slot) for slot in ("_sandbox", "_real"))
        type(self)._set(sandbox, real, name)

    @staticmethod
    def _set(sandbox: Sandbox, real: Any, name: str) -> None:
        sandbox.refuse(f"{_name_of(real)}.{name} = ...")


def _refusing(name: str) -> Callable[..., Any]:
    def refuse(self: StandIn, *_arguments: Any, **_keywords: Any) -> Any:
        sandbox, real = (object.__getattribute__(self, slot) for slot in ("_sandbox", "_real"))
        return sandbox.refuse(f"{name} of {_name_of(real)}")

    return refuse


for _name in (
    *("bool", "bytes", "call", "complex", "contains", "delattr", "delitem", "dir", "divmod", "enter", "exit", "eq"),
    *("float", "format", "ge", "getitem", "gt", "hash", "index", "int", "iter", "le", "len", "lt", "ne", "next", "pow"),
    *("reduce_ex", "repr", "reversed", "round", "setitem", "sizeof", "str", "trunc", "neg", "pos", "abs", "invert"),
    *(
        side + operation
        for side in ("", "r", "i")
        for operation in ("add", "sub", "mul", "matmul", "truediv", "floordiv", "mod", "and", "or", "xor")
    ),
    *("lshift", "rshift", "rlshift", "rrshift", "rpow", "rdivmod"),
):
    setattr(StandIn, f"__{_name}__", _refusing(f"__{_name}__"))


class _Function(StandIn):
    """Runs a Python function's code."""

    __slots__ = ()

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        sandbox, real = (object.__getattribute__(self, slot) for slot in ("_sandbox", "_real"))
        code = real.__code__
        sandbox.check(code)
        sandbox.enter(code, arguments, keywords)
        for name in _names_in(code):
            if not sandbox.allows(name):
                sandbox.refuse(name)
        defaults = real.__defaults__ and tuple(map(sandbox.stand_in, real.__defaults__))
        mine = types.FunctionType(code, sandbox.names(real), code.co_name, defaults, sandbox.cells(real))
        if real.__kwdefaults__:
            mine.__kwdefaults__ = {name: sandbox.stand_in(value) for name, value in real.__kwdefaults__.items()}
        return mine(*arguments, **keywords)

    @staticmethod
    def _find(sandbox: Sandbox, me: Any, real: Any, name: str) -> Any:
        if name not in vars(real):
            return StandIn._find(sandbox, me, real, name)
        return sandbox.look_up(vars(real)[name])


class _Module(StandIn):
    """Looks names up in a module."""

    __slots__ = ()

    @staticmethod
    def _find(sandbox: Sandbox, me: Any, real: Any, name: str) -> Any:
        if name not in vars(real):
            return StandIn._find(sandbox, me, real, name)
        return sandbox.look_up(vars(real)[name])

    @staticmethod
    def _set(sandbox: Sandbox, real: Any, name: str) -> None:
        # How an accelerator computes, which does not work here.
        if real.__name__ != "torch.backends.cudnn" or name not in ("deterministic", "benchmark"):
            StandIn._set(sandbox, real, name)


class Object(StandIn):
    """Reads an object's attributes, and those of its class, where that is all that a look-up is."""

    __slots__ = ()

    @staticmethod
    def _find(sandbox: Sandbox, me: Any, real: Any, name: str) -> Any:
        is_class = isinstance(real, type)
        mine = {} if is_class else getattr(real, "__dict__", {})
        for kind in real.__mro__ if is_class else type(real).__mro__:
            if name not in vars(kind):
                continue
            value = vars(kind)[name]
            if name not in mine and isinstance(value, staticmethod):
                return sandbox.stand_in(value.__func__)
            if name not in mine and type(value) is types.FunctionType:
                function = sandbox.stand_in(value)
                return function if is_class else functools.partial(function, me)
            if hasattr(value, "__get__"):
                return StandIn._find(sandbox, me, real, name)
            if name not in mine:
                return sandbox.look_up(value)
            break
        if name in mine:
            return sandbox.stand_in(mine[name])
        if hasattr(type(real), "__getattr__"):
            return StandIn._find(sandbox, me, real, name)
        raise AttributeError(name)

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        """Run the code of the class's `__call__`."""
        sandbox, real = (object.__getattribute__(self, slot) for slot in ("_sandbox", "_real"))
        function = inspect.getattr_static(type(real), "__call__", None)
        if not isinstance(function, types.FunctionType):
            sandbox.refuse(_name_of(real))
        return sandbox.stand_in(function)(self, *arguments, **keywords)


class _Logger(StandIn):
    """A logger to which nothing is told that anybody would read."""

    __slots__ = ()

    @staticmethod
    def _find(sandbox: Sandbox, me: Any, real: Any, name: str) -> Any:
        level = getattr(logging, name.upper(), None)
        if name not in ("debug", "info", "warning", "error") or real.isEnabledFor(level):
            return StandIn._find(sandbox, me, real, name)
        return _say_nothing


def innermost(value: Any) -> Any:
    """Return the function of which torch itself has made this one, for its compiler; any other value as it is."""
    while type(value) is types.FunctionType and "__wrapped__" in vars(value):
        if not value.__code__.co_filename.startswith(_TORCH):
            return value
        value = vars(value)["__wrapped__"]
    return value


def _say_nothing(*_arguments: Any, **_keywords: Any) -> None:
    pass


def _names_in(code: types.CodeType) -> Iterator[str]:
    """Yield the names of globals and attributes in a function's code and in functions within it."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names_in(constant)


def _asks_what_is_installed(value: Any) -> bool:
    named = value if type(value) in _NAMED else type(value)
    return (named.__module__, named.__qualname__) in _ASKS_WHAT_IS_INSTALLED


def has_plain_attributes(value: Any) -> bool:
    """Whether attributes are looked up in an object, or in a class written in Python, in the ordinary way."""
    if type(value) is type:
        return bool(value.__flags__ & _WRITTEN_IN_PYTHON)
    if type(value).__flags__ & _MATCHES:
        return False
    lookup: Any = type(value).__getattribute__
    return any(lookup is plain for plain in _PLAIN_LOOKUPS)


def _same(one: Any, other: Any) -> bool:
    """Whether two pieces of data cannot be told apart."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return _same([*one.items()], [*other.items()])
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(_same, one, other))
    return one is other or bool(one == other)


def _name_of(value: Any) -> str:
    if isinstance(value, types.ModuleType):
        return value.__name__
    return str((value if type(value) in _NAMED else type(value)).__qualname__)
