"""Tables of pandas, of which a data set looks rows and cells up; pandas itself is never imported here."""

import functools
import sys
from typing import Any

import numpy as np

from penstock.lowering.looked_up import Holding, is_looked_up, plain, real_of
from penstock.lowering.lookups import KINDS, Operation, Unproved
from penstock.lowering.sandbox import StandIn

__all__ = ["Frame", "is_frame", "keep_frame"]

_INDICES = frozenset({int, bool, np.int64, np.int32})
_KNOWN = frozenset(KINDS)


def is_frame(value: Any) -> bool:
    """Whether a value is a table of pandas', and of no class derived from it."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and type(value) is getattr(pandas, "DataFrame", None)


def keep_frame(frame: Any) -> Any:
    """Return a copy of a table.

    Raises:
        Unproved: If there is anything in it but plain data.
    """
    for place in range(frame.shape[1]):
        _cells(frame, place)
    return frame.copy()


def _cells(frame: Any, place: int) -> list[Any]:
    """Return all that a column's cells may give, or one of each kind."""
    cells = frame.iloc[:, place]
    if isinstance(cells.dtype, np.dtype) and cells.dtype.kind in "biuf":
        return [cells.iloc[0]] if len(cells) else []
    if str(cells.dtype) not in ("object", "str", "string"):
        raise Unproved(f"a column of {cells.dtype}")
    found: list[Any] = cells.to_numpy(dtype=object).tolist()
    if unknown := {*map(type, found)} - _KNOWN | {*map(type, found)} & {list, dict, set, np.ndarray}:
        raise Unproved(f"a column of {min(kind.__name__ for kind in unknown)}")
    return found


def _of_place(frames: list[Any], _rows: list[Any], places: list[Any]) -> list[Any]:
    return _cells(frames[0], places[0]) if -frames[0].shape[1] <= places[0] < frames[0].shape[1] else []


def _of_name(frames: list[Any], _rows: list[Any], names: list[Any]) -> list[Any]:
    (frame,), (name,) = frames, names
    found = [place for place, column in enumerate(frame.columns) if column == name]
    if len(found) > 1:
        raise Unproved("one of several columns of a name")
    return _cells(frame, found[0]) if found else []


def _of_row(frames: list[Any], rows: list[Any], names: list[Any]) -> list[Any]:
    cells = _of_name(frames, rows, names)
    if not cells or isinstance(cells[0], (str, type(None))) or not len(frames[0]):
        return cells
    # The cells of a row are of one type, if there is any for all of them.
    return [*cells, frames[0].iloc[0][names[0]]]


def _of_label(frames: list[Any], rows: list[Any], names: list[Any]) -> list[Any]:
    if type(frames[0].index) is not sys.modules["pandas"].RangeIndex:
        raise Unproved("a table whose rows are not numbered")
    return _of_name(frames, rows, names)


def _is_there(frame: Any, row: Any) -> None:
    if not -len(frame) <= row < len(frame):
        frame.iloc[row]  # which raises


@functools.cache
def _operations() -> dict[str, Operation]:
    frames, names = frozenset({sys.modules["pandas"].DataFrame}), frozenset({str})
    takes = frames, _INDICES, names
    return {
        "row": Operation("a row", _is_there, (frames, _INDICES), lambda _frames, _rows: [None]),
        "cell": Operation(
            "a cell", lambda frame, row, place: frame.iloc[row, place], (frames, _INDICES, frozenset({int})), _of_place
        ),
        "cell of a row": Operation("a cell", lambda frame, row, name: frame.iloc[row][name], takes, _of_row),
        "cell of a column": Operation("a cell", lambda frame, row, name: frame[name].iloc[row], takes, _of_name),
        "value of a column": Operation("a cell", lambda frame, row, name: frame[name].values[row], takes, _of_name),
        "labelled": Operation("a cell", lambda frame, row, name: frame[name][row], takes, _of_label),
        "located": Operation("a cell", lambda frame, row, name: frame.loc[row, name], takes, _of_label),
    }


def _step(frame: Any, name: str, *operands: Any) -> Any:
    return object.__getattribute__(frame, "_sandbox").step(_operations()[name], name, frame, *operands)


class Frame(Holding):
    """A table."""

    __slots__ = ()

    @staticmethod
    def _find(sandbox: Any, me: Any, real: Any, name: str) -> Any:
        if name in ("iloc", "loc"):
            return _Part(sandbox, (me, name, None))
        if name in real.columns and not hasattr(type(real), name):
            return me[name]
        return StandIn._find(sandbox, me, real, name)

    def __getitem__(self, key: Any) -> Any:
        sandbox = object.__getattribute__(self, "_sandbox")
        return _Part(sandbox, (self, "column", key)) if type(key) is str else sandbox.refuse("rows of a table")

    def __iter__(self) -> Any:
        return object.__getattribute__(self, "_sandbox").refuse("it goes through a table")


class _Part(StandIn):
    """The rows of a table, a column of it, or one row."""

    __slots__ = ()

    @staticmethod
    def _find(sandbox: Any, me: Any, real: Any, name: str) -> Any:
        frame, kind, key = real
        # Not a row's entries, which may be None: what an attribute gives is compared by identity.
        if kind == "column" and name in ("iloc", "values", "loc"):
            return _Part(sandbox, (frame, f"column's {name}", key))
        return StandIn._find(sandbox, me, real, name)

    def __getitem__(self, key: Any) -> Any:
        sandbox = object.__getattribute__(self, "_sandbox")
        frame, kind, of = real_of(self)
        ways = {
            "column": "labelled",
            "column's loc": "labelled",
            "column's iloc": "cell of a column",
            "column's values": "value of a column",
        }
        if kind == "row" and type(key) is str:
            return _step(frame, "cell of a row", of, key)
        if kind in ways and is_looked_up(key):
            return _step(frame, ways[kind], key, of)
        if type(key) is tuple and len(key) == 2 and is_looked_up(key[0]):
            row, place = key[0], plain(key[1])
            if kind == "iloc" and type(place) is int:
                return _step(frame, "cell", row, place)
            if kind == "loc" and type(place) is str:
                return _step(frame, "located", row, place)
        if kind == "iloc" and is_looked_up(key):
            _step(frame, "row", key)
            return _Part(sandbox, (frame, "row", key))
        return sandbox.refuse("a part of a table")
