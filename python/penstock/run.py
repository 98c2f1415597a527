"""`penstock run`: a script or a module run as `python` runs it, with penstock's loader for torch's.

The script finds what it would find: `sys.argv`, the folder that comes first on `sys.path`, `__file__`, and a module
`__main__` of its own, from which processes that it spawns start again. They do so without this module, so in them
torch's loader is torch's.
"""

import contextlib
import importlib.machinery
import io
import os
import runpy
import sys
import textwrap
import types
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import penstock
from penstock.counters import Counters, keep_all
from penstock.errors import ArgumentError
from penstock.install import install

__all__ = ["run"]

_INTERRUPTED = 130  # what a shell reports for a command that Ctrl-C ended: 128 + SIGINT
_REASONS = 6  # that are told of a loader; what is left out is counted
_NOT_COUNTED = "-"


class _Row(NamedTuple):
    """A kind of loader: the way and what was measured of it, what it is called, and what was left to Python code."""

    figures: tuple[str, str, str, str]
    name: str
    reasons: tuple[str, ...] = ()


_HEADINGS = _Row(("way", "native", "samples/s", "waiting"), "loader")


class _NoModuleError(Exception):
    """What runpy raises for a module that is not there or cannot be run; the message says which."""


def run(command: str, arguments: Sequence[str], *, module: bool = False) -> None:
    """Run a script until its end, then print on standard error what its loaders did.

    Args:
        command: The script's path, or a module's name.
        arguments: The script's.
        module: Whether `command` is a module's name.

    Raises:
        SystemExit: Whatever the script raises of it; 1 after another exception, whose traceback is printed; 130 after
            Ctrl-C; 2 if there is no such script or module.
    """
    process = os.getpid()
    sys.excepthook = sys.__excepthook__  # typer has its own
    counted = keep_all()
    install()
    with _showing_errors():
        main, code = (_load_module if module else _load_script)(command, arguments)
    sys.modules["__main__"] = main
    try:
        with _showing_errors():
            exec(code, main.__dict__)  # noqa: S102 - this is what running a script is
    finally:
        if os.getpid() == process:  # a child of `os.fork` may get here, too
            with contextlib.suppress(OSError, ValueError):  # nobody reads any more
                _tell(counted)


# ---------------------------------------------------------------------------------------------------------------
# the script


def _load_script(path: str, arguments: Sequence[str]) -> tuple[types.ModuleType, types.CodeType]:
    file = os.path.abspath(path)  # noqa: PTH100 - python leaves links as they are
    sys.argv = [path, *arguments]
    _put_first(os.path.dirname(os.path.realpath(file)))  # noqa: PTH120
    try:
        with io.open_code(file) as opened:
            source = opened.read()
    except OSError as error:
        _refuse(f"can't open file '{file}': [Errno {error.errno}] {error.strerror}")
    main = types.ModuleType("__main__")
    main.__file__ = file
    main.__loader__ = importlib.machinery.SourceFileLoader("__main__", file)
    main.__package__ = None
    vars(main).update(__builtins__=sys.modules["builtins"], __cached__=None, __annotations__={})
    return main, compile(source, file, "exec", dont_inherit=True)


def _load_module(name: str, arguments: Sequence[str]) -> tuple[types.ModuleType, types.CodeType]:
    sys.argv = ["-m", *arguments]
    _put_first(os.getcwd())  # noqa: PTH109
    try:
        details: Any = runpy._get_module_details  # type: ignore[attr-defined]
        _, spec, code = details(name, _NoModuleError)
    except _NoModuleError as error:
        _refuse(str(error))
    sys.argv[0] = spec.origin
    main = types.ModuleType("__main__")
    main.__file__, main.__loader__ = spec.origin, spec.loader
    main.__package__, main.__spec__ = spec.parent, spec
    vars(main).update(__builtins__=sys.modules["builtins"], __cached__=spec.cached, __annotations__={})
    return main, code


def _put_first(folder: str) -> None:
    if not sys.flags.safe_path:  # else python has put none there
        sys.path[0] = folder


def _refuse(message: str) -> Any:
    sys.stderr.write(f"penstock run: {message}\n")
    raise SystemExit(ArgumentError.exit_code)


@contextlib.contextmanager
def _showing_errors() -> Iterator[None]:
    """End the process as python does after an exception that nobody has caught."""
    try:
        yield
    except SystemExit:
        raise
    except BaseException as error:
        sys.excepthook(type(error), error.with_traceback(_of_the_script(error)), error.__traceback__)
        raise SystemExit(_INTERRUPTED if isinstance(error, KeyboardInterrupt) else 1) from None


def _of_the_script(error: BaseException) -> types.TracebackType | None:
    """Return an exception's traceback from the first line on that is not of this file."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename in (__file__, contextlib.__file__, "<frozen runpy>"):
        trace = trace.tb_next
    return trace


# ---------------------------------------------------------------------------------------------------------------
# what is told of it


def _tell(counted: Mapping[str, Iterable[Counters]]) -> None:
    from rich.console import Console

    with contextlib.suppress(Exception):  # the script may have closed it
        sys.stdout.flush()
    rows = [*_rows(counted)]
    title = f"penstock run{_rank()}"
    if rows:
        lines = [title, *_table(rows, Console(stderr=True).width)]
    elif penstock.DataLoader.__module__.startswith("torch."):
        lines = [f"{title}: torch's own class made the loaders; PENSTOCK=0 is set, or this torch is not known"]
    else:
        lines = [f"{title}: no loader of penstock's was iterated over"]
    # In one piece: other ranks write to the same terminal.
    sys.stderr.write("".join(f"{line}\n" for line in lines))
    sys.stderr.flush()


def _rank() -> str:
    """Return which of several processes this is, where torchrun or a scheduler's launcher says so."""
    rank, size = os.environ.get("RANK", os.environ.get("LOCAL_RANK")), os.environ.get("WORLD_SIZE")
    return "" if rank is None else f", rank {rank}{f' of {size}' if size else ''}"


def _table(rows: Sequence[_Row], width: int) -> Iterator[str]:
    """Yield the lines of a table: the figures first, since they are short; reasons below, over the whole width."""
    figures = [row.figures for row in (_HEADINGS, *rows)]
    widths = [max(map(len, column)) for column in zip(*figures, strict=True)]
    for row in (_HEADINGS, *rows):
        way, *numbers = row.figures
        cells = [f"{way:<{widths[0]}}", *(f"{cell:>{size}}" for cell, size in zip(numbers, widths[1:], strict=True))]
        start = "  ".join(["", *cells, ""])
        yield from textwrap.wrap(
            row.name, max(width, len(start) + 12), initial_indent=start, subsequent_indent=" " * len(start)
        )
        for reason in row.reasons:
            yield from textwrap.wrap(reason, width, initial_indent="    - ", subsequent_indent="      ")


def _rows(counted: Mapping[str, Iterable[Counters]]) -> Iterator[_Row]:
    """Yield a row for each kind of loader: a program may make the same one in each epoch."""
    for name, loaders in counted.items():
        by_way: dict[str, list[Counters]] = {}
        for counters in loaders:
            if counters.way is not None:
                by_way.setdefault(counters.way, []).append(counters)
        for way, alike in by_way.items():
            yield _row(name if len(alike) == 1 else f"{name}, made {len(alike)} times", way, alike)


def _row(name: str, way: str, alike: Sequence[Counters]) -> _Row:
    read = [counters.read() for counters in alike]
    reasons: Counter[str] = Counter()
    for stats in read:
        reasons.update(stats.by_pillow)
    images, samples = sum(stats.images for stats in read), sum(stats.samples for stats in read)
    told = [f"{count:,} of {images:,} images left to Python: {reason}" for reason, count in reasons.most_common()]
    if not images:
        told = [*dict.fromkeys(reason for counters in alike for reason in counters.reasons)]
    if len(told) > _REASONS:
        told[_REASONS:] = [f"and {len(told) - _REASONS} reasons more"]
    waiting = sum(stats.seconds["waiting"] for stats in read)
    whole = waiting + sum(stats.seconds["outside"] for stats in read)
    rate = samples / whole if samples else 0.0
    native = f"{1 - reasons.total() / images:.1%}" if images else "0.0%" if way == "torch" else _NOT_COUNTED
    counts = f"{rate:,.{0 if rate >= 10 else 2}f}" if samples else _NOT_COUNTED
    return _Row((way, native, counts, f"{waiting / whole:.1%}" if samples else _NOT_COUNTED), name, tuple(told))
