"""What a `__getitem__` looks up, as a list of steps: Python's own operations on the data set's own objects.

Each step is taken for each sample, in the order in which the user's code takes it, so what it gives or raises is what
the user's code would. It must be known to do nothing but that: an operation of a list is the list's, of somebody's
class it may be anything. So steps say of which kinds their operands may be. Where a data set cannot change under way,
the kinds are told from all that it holds, and no sample has to be looked at again; where it can, each operand is.
"""

import dataclasses
import dis
import itertools
import operator
import os
import pathlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch

__all__ = [
    "FUNCTIONS",
    "KINDS",
    "OPENED",
    "OPERATORS",
    "PATHS",
    "UNPACK_SEQUENCE",
    "Operation",
    "Steps",
    "Unproved",
    "attribute",
    "built",
    "called",
    "entry",
    "item",
    "method",
    "nested",
    "unpacked",
]

_KINDS_OF_NUMPY: tuple[type, ...] = tuple(np.sctypeDict.values())
_NUMPY = frozenset(kind for kind in _KINDS_OF_NUMPY if kind not in (np.object_, np.void))
_NUMPY_NUMBERS: frozenset[type] = frozenset(
    kind for kind in _NUMPY if issubclass(kind, (np.integer, np.floating, np.bool_))
)
PATHS: frozenset[type] = frozenset({type(pathlib.Path()), pathlib.PurePosixPath, pathlib.PureWindowsPath})
_WHOLE: frozenset[type] = frozenset({int, bool})
# Those that raise where NumPy's small ones warn.
_SUMMED = _WHOLE | {float, np.int64}
_TEXT: frozenset[type] = frozenset({str, np.str_})
_SINGLE: frozenset[type] = frozenset({float, bytes, type(None), tuple, slice, torch.Tensor})
_KEYS = _WHOLE | _TEXT | _SINGLE | _NUMPY
_LISTS: frozenset[type] = frozenset({list, tuple})
_HOLDERS: frozenset[type] = _LISTS | {dict, range, str, np.str_, bytes, np.ndarray, torch.Tensor}
_NUMBERS = _WHOLE | {float} | _NUMPY_NUMBERS
# What a data set may hold.
KINDS = (
    *(_NUMBERS | _HOLDERS | PATHS | _NUMPY | {complex, type(None), set, frozenset, torch.dtype}),
    *(type(np.dtype(np.uint8)), type(Ellipsis), slice),
)
_KNOWN = frozenset(KINDS)
UNPACK_SEQUENCE = dis.opmap["UNPACK_SEQUENCE"]
# Of how many combinations of kinds an operation is tried.
_MOST_TRIED = 256


class Unproved(Exception):  # noqa: N818 - it says what somebody's object would do that is not known
    """An operand is of a kind of which an operation may do more than compute."""


@dataclasses.dataclass(frozen=True, eq=False)
class Operation:
    """One kind of step; the same object each time that the same is met.

    Attributes:
        name: To tell about it.
        function: What it comes to.
        takes: The kinds that its operands may be of, one set for each; the last one is for all further ones.
        is_whole: Whether it gives an int if it is given ints.
        column: Of all that its operands may be, all that it may give; by trying each combination of kinds if None.
    """

    name: str
    function: Callable[..., Any]
    takes: tuple[frozenset[type], ...]
    column: Callable[..., list[Any]] | None = None
    is_whole: bool = False

    def kinds(self, place: int) -> frozenset[type]:
        """Return the kinds that an operand may be of."""
        return self.takes[min(place, len(self.takes) - 1)]

    def check(self, operands: Sequence[Any]) -> None:
        """Raise `Unproved` if an operand is of another kind."""
        for place, operand in enumerate(operands):
            if type(operand) not in self.kinds(place):
                raise Unproved(f"{self.name} of a {type(operand).__name__}")

    def possible(self, columns: Sequence["Column"]) -> "Column":
        """Return one of each kind, at least, that the step may give; errors give nothing.

        Args:
            columns: For each operand all that it may be.

        Raises:
            Unproved: If an operand may be of another kind than it takes, or something unknown is given.
        """
        for place, column in enumerate(columns):
            if unknown := column.kinds - self.kinds(place):
                raise Unproved(f"{self.name} of a {min(kind.__name__ for kind in unknown)}")
        listed = [column.values for column in columns]
        try:
            given = Column(self._tried(listed) if self.column is None else self.column(*listed))
        except Unproved:
            raise
        except Exception as error:  # what it would raise for a sample
            raise Unproved(f"{self.name}: {type(error).__name__}") from None
        if unknown := given.kinds - _KNOWN:
            raise Unproved(f"a {min(kind.__name__ for kind in unknown)}")
        return given

    def _tried(self, columns: Sequence[list[Any]]) -> list[Any]:
        kinds = [[*{type(operand): operand for operand in column}.values()] for column in columns]
        given = []
        for number, operands in enumerate(itertools.product(*kinds)):
            if number == _MOST_TRIED:
                raise Unproved(f"{self.name} of too many kinds")
            try:
                given.append(self.function(*operands))
            except Exception:  # noqa: S112 - it is raised again, in its place
                continue
        return given


class Column:
    """All that a slot may hold, or one of each kind.

    Args:
        values: They.

    Attributes:
        values: The same.
        kinds: Their types.
    """

    def __init__(self, values: list[Any]) -> None:
        self.values = values
        self.kinds = frozenset(map(type, values))


@dataclasses.dataclass
class Steps:
    """A list of steps.

    Attributes:
        values: What each slot holds before a sample is looked up: constants, and None where a step writes.
        steps: For each step the operation, the slots of its operands and that of its result.
        columns: For each slot all that it may hold; None if that cannot be told in advance.
    """

    values: list[Any]
    steps: list[tuple[Operation, tuple[int, ...], int]]
    columns: list[Column] | None

    @classmethod
    def of_index(cls) -> "Steps":
        """Return a list without steps, whose first slot is the index; operands will be looked at on the way."""
        return cls([None], [], None)

    def constant(self, value: Any) -> int:
        """Return the slot of a constant."""
        self.values.append(value)
        if self.columns is not None:
            self.columns.append(Column([value]))
        return len(self.values) - 1

    def add(self, operation: Operation, *operands: int) -> int:
        """Add a step and return the slot of what it gives.

        Raises:
            Unproved: If it may do more than compute.
        """
        if self.columns is not None:
            self.columns.append(operation.possible([self.columns[slot] for slot in operands]))
        else:
            written = {0, *(slot for _, _, slot in self.steps)}
            for place, slot in enumerate(operands):
                if slot not in written and type(self.values[slot]) not in operation.kinds(place):
                    raise Unproved(f"{operation.name} of a {type(self.values[slot]).__name__}")
        self.values.append(None)
        self.steps.append((operation, operands, len(self.values) - 1))
        return len(self.values) - 1

    def kept(self, keep: Callable[[Any], Any], possible: list[Any]) -> "Steps":
        """Return the same steps on copies of the constants, of which everything is known in advance.

        Args:
            keep: Copies a constant.
            possible: One of each kind that an index may be of.

        Raises:
            Unproved: If a step may do more than compute.
        """
        kept = Steps([None], [], [Column(possible)])
        results = {slot: (operation, operands) for operation, operands, slot in self.steps}
        for slot in range(1, len(self.values)):
            if slot in results:
                operation, operands = results[slot]
                kept.add(operation, *operands)
            else:
                kept.constant(keep(self.values[slot]))
        return kept

    def begin(self, index: Any) -> list[Any]:
        """Return the slots of a sample of which nothing was looked up."""
        values = self.values.copy()
        values[0] = index
        return values

    def take(self, values: list[Any], first: int, last: int | None) -> None:
        """Take some of the steps.

        Args:
            values: The sample's slots.
            first: The first step.
            last: The one behind the last one; None for all.

        Raises:
            Unproved: If an operand is of a kind that is not known.
            Exception: What the user's code would raise.
        """
        if first == last:
            return
        checks = self.columns is None
        for operation, operands, slot in self.steps[first:last]:
            given = [values[operand] for operand in operands]
            if checks:
                operation.check(given)
            values[slot] = operation.function(*given)


def _entries(container: Any) -> Any:
    """Return all that a container gives for one key or another, or one of each kind."""
    kind = type(container)
    if kind is np.ndarray and container.dtype != object:
        return [container[0]] if container.ndim and len(container) else []
    if kind is np.ndarray:
        return container.ravel().tolist() + ([container[0]] if container.ndim > 1 and len(container) else [])
    if kind is torch.Tensor:
        return [container[0]] if container.ndim and len(container) else []
    if kind is dict:
        return [*container.values()]
    return container if kind is list else [*container][: 1 if kind in (range, str, np.str_, bytes) else None]


def _items(containers: list[Any], keys: list[Any]) -> list[Any]:
    if slice in {*map(type, keys)} or tuple in {*map(type, keys)}:
        # Something of the container's own kind, or of another shape.
        if len(keys) > 1 or len(containers) > 1 or dict in {*map(type, containers)}:
            raise Unproved("an item of several kinds")
        return [containers[0][keys[0]]]
    if len(keys) == 1 and len(containers) > 1:
        return [each[keys[0]] for each in containers if _has(each, keys[0])]
    found = [_entries(container) for container in containers]
    return found[0] if len(found) == 1 else [*itertools.chain.from_iterable(found)]


def _has(container: Any, key: Any) -> bool:
    if type(container) is dict:
        try:
            return key in container
        except TypeError:
            return False
    return isinstance(key, (int, np.integer)) and bool(-len(container) <= key < len(container))


item = Operation("an item", operator.getitem, (_HOLDERS, _KEYS), _items)


def _given_or(containers: list[Any], keys: list[Any], *others: list[Any]) -> list[Any]:
    return [*_items(containers, keys), *itertools.chain(*(others or ([None],)))]


def _unpacked(count: int) -> Callable[[Any], tuple[Any, ...]]:
    # Python's own, so that it raises what Python raises.
    match count:
        case 1:

            def unpack(value: Any) -> tuple[Any, ...]:
                (first,) = value
                return (first,)
        case 2:

            def unpack(value: Any) -> tuple[Any, ...]:
                first, second = value
                return first, second
        case 3:

            def unpack(value: Any) -> tuple[Any, ...]:
                first, second, third = value
                return first, second, third
        case 4:

            def unpack(value: Any) -> tuple[Any, ...]:
                first, second, third, fourth = value
                return first, second, third, fourth
        case _:

            def unpack(value: Any) -> tuple[Any, ...]:
                first, second, third, fourth, fifth = value
                return first, second, third, fourth, fifth

    return unpack


def _parts(count: int) -> Callable[[list[Any]], list[Any]]:
    def parts(containers: list[Any]) -> list[Any]:
        if {*map(type, containers)} == {tuple} and {*map(len, containers)} == {count}:
            return containers
        return [tuple(each) for each in containers if len(each) == count]

    return parts


_UNPACKED = [
    Operation(f"{count} parts", _unpacked(count), (_LISTS | {np.ndarray},), _parts(count)) for count in range(1, 6)
]


def unpacked(count: int) -> Operation | None:
    """Return what takes a value apart into so many, in a tuple; None if that is not known of so many."""
    return _UNPACKED[count - 1] if 0 < count <= len(_UNPACKED) else None


_PARTS = [
    Operation(
        f"part {place}",
        operator.itemgetter(place),
        (frozenset({tuple}),),
        lambda containers, place=place: [each[place] for each in containers],
    )
    for place in range(5)
]


def entry(place: int) -> Operation:
    """Return what takes one of the parts that `unpacked` gives."""
    return _PARTS[place]


_PATH_PARTS = PATHS | {str}
# Operators by the method of their left operand, and of the right one.
OPERATORS = {
    "__add__": Operation("a sum", operator.add, (_SUMMED | _TEXT,), is_whole=True),
    "__sub__": Operation("a difference", operator.sub, (_SUMMED,), is_whole=True),
    "__mul__": Operation("a product", operator.mul, (_WHOLE | {float},), is_whole=True),
    "__floordiv__": Operation("a quotient", operator.floordiv, (_WHOLE | {float},), is_whole=True),
    "__mod__": Operation("a remainder", operator.mod, (_WHOLE | {float},), is_whole=True),
    "__truediv__": Operation("a path or a quotient", operator.truediv, (_PATH_PARTS | _WHOLE | {float},)),
}
_CALLED = {
    int: Operation("int()", int, (_NUMBERS | _TEXT | {torch.Tensor},)),
    float: Operation("float()", float, (_NUMBERS | _TEXT | {torch.Tensor},)),
    str: Operation("str()", str, (_WHOLE | {float} | _TEXT | PATHS | {np.int64, np.int32},)),
    len: Operation("len()", len, (_HOLDERS | {set, frozenset},)),
    os.path.join: Operation("os.path.join()", os.path.join, (_TEXT | PATHS | {bytes},)),
    os.path.basename: Operation("os.path.basename()", os.path.basename, (_TEXT | PATHS,)),
    os.path.dirname: Operation("os.path.dirname()", os.path.dirname, (_TEXT | PATHS,)),
    os.path.splitext: Operation("os.path.splitext()", os.path.splitext, (_TEXT | PATHS,)),
    os.fspath: Operation("os.fspath()", os.fspath, (_TEXT | PATHS | {bytes},)),
    pathlib.Path: Operation("Path()", pathlib.Path, (_TEXT | PATHS,)),
    np.int64: Operation("np.int64()", np.int64, (_WHOLE | {np.int64},)),
    np.float32: Operation("np.float32()", np.float32, (_WHOLE | {float},)),
}
_TENSORS = {
    function: {
        dtype: Operation(
            f"torch.{function.__name__}()",
            function if dtype is None else lambda value, function=function, dtype=dtype: function(value, dtype=dtype),
            (_WHOLE | {float} | _NUMPY_NUMBERS | {np.ndarray, list, tuple},),
            None,
        )
        for dtype in (None, torch.int64, torch.int32, torch.float32, torch.float64, torch.bool, torch.uint8)
    }
    for function in (torch.tensor, torch.as_tensor)
}


# All functions whose calls are known.
FUNCTIONS = (*_CALLED, *_TENSORS)


def called(function: Any, options: dict[str, Any]) -> Operation | None:
    """Return the step that a call of a function comes to; None if that is not known."""
    try:
        if function in _TENSORS and options.keys() <= {"dtype"}:
            return _TENSORS[function].get(options.get("dtype"))
        return None if options else _CALLED.get(function)
    except TypeError:
        return None


# Methods by their names, with the kinds that they are known of.
_METHODS: dict[str, tuple[frozenset[type], Callable[..., list[Any]] | None]] = {
    "item": (_NUMPY_NUMBERS | {torch.Tensor}, None),
    "get": (frozenset({dict}), _given_or),
} | dict.fromkeys(("long", "float", "double", "int", "bool", "clone"), (frozenset({torch.Tensor}), None))
_METHODS |= dict.fromkeys(
    (
        *("split", "rsplit", "strip", "lstrip", "rstrip", "lower", "upper", "zfill", "replace"),
        *("removeprefix", "removesuffix", "startswith", "endswith", "partition", "rpartition"),
    ),
    (_TEXT, None),
)


def _of_name(name: str) -> Operation:
    kinds, column = _METHODS[name]

    def call(owner: Any, *operands: Any) -> Any:
        return getattr(owner, name)(*operands)

    return Operation(f".{name}()", call, (kinds, _WHOLE | _TEXT | {float, type(None)}), column)


_NAMED = {name: _of_name(name) for name in _METHODS}


def method(name: str) -> Operation | None:
    """Return the step that a call of a method comes to; None if that is not known."""
    return _NAMED.get(name)


_ATTRIBUTES = {
    name: Operation(f".{name}", operator.attrgetter(name), (PATHS,)) for name in ("name", "parent", "stem", "suffix")
}


def attribute(name: str) -> Operation | None:
    """Return the step that a look at an attribute comes to; None if that is not known."""
    return _ATTRIBUTES.get(name)


# What is opened. A number would be a descriptor, which is closed once it was read.
OPENED = Operation("opening", lambda where: where, (_TEXT | PATHS | {bytes, type(None)},), lambda column: column)
_BUILT: dict[type, Operation] = {
    kind: Operation(f"a {kind.__name__}", lambda *items, kind=kind: kind(items), (_NUMBERS | {str, list, tuple},))
    for kind in (list, tuple)
}


def built(kind: type) -> Operation:
    """Return the step that puts its operands into a list or a tuple."""
    return _BUILT[kind]


def nested(value: Any) -> Iterator[Any]:
    """Yield what lists and tuples hold, all the way down."""
    if type(value) in _LISTS:
        for each in value:
            yield from nested(each)
    else:
        yield value
