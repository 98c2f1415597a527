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
import types
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import penstock
from penstock.counters import Counters, keep_all
from penstock.install import install

__all__ = ["run"]

_INTERRUPTED = 130  # what a shell reports for a command that Ctrl-C ended: 128 + SIGINT
_REASONS = 6  # that are told of a loader; what is left out is counted


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
            Ctrl-C; 2 if there is no such script, 1 if there is no such module.
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
        _refuse(f"can't open file '{file}': [Errno {error.errno}] {error.strerror}", 2)
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
        _refuse(str(error), 1)
    sys.argv[0] = spec.origin
    main = types.ModuleType("__main__")
    main.__file__, main.__loader__ = spec.origin, spec.loader
    main.__package__, main.__spec__ = spec.parent, spec
    vars(main).update(__builtins__=sys.modules["builtins"], __cached__=spec.cached, __annotations__={})
    return main, code


def _put_first(folder: str) -> None:
    if not sys.flags.safe_path:  # else python has put none there
        sys.path[0] = folder


def _refuse(message: str, code: int) -> Any:
    sys.stderr.write(f"penstock run: {message}\n")
    raise SystemExit(code)


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
    from rich.markup import escape
    from rich.table import Table

    with contextlib.suppress(Exception):  # the script may have closed it
        sys.stdout.flush()
    console = Console(stderr=True)
    rows = [*_rows(counted)]
    if not rows:
        why = "no loader was iterated over"
        if penstock.DataLoader.__module__.startswith("torch."):
            why = "torch's own class made the loaders; PENSTOCK=0 is set, or this torch is not known"
        console.print(f"penstock run: {why}")
        return
    table = Table(title="penstock run", title_justify="left")
    for heading in ("loader", "way", "native", "samples/s", "waiting", "left to Python code"):
        table.add_column(heading)
    for row in rows:
        table.add_row(*map(escape, row))
    console.print(table)


def _rows(counted: Mapping[str, Iterable[Counters]]) -> Iterator[tuple[str, ...]]:
    """Yield a row for each kind of loader: a program may make the same one in each epoch."""
    for name, loaders in counted.items():
        by_way: dict[str, list[Counters]] = {}
        for counters in loaders:
            if counters.way is not None:
                by_way.setdefault(counters.way, []).append(counters)
        for way, alike in by_way.items():
            yield (name if len(alike) == 1 else f"{name}, made {len(alike)} times", way, *_figures(way, alike))


def _figures(way: str, alike: Sequence[Counters]) -> tuple[str, str, str, str]:
    read = [counters.read() for counters in alike]
    reasons: Counter[str] = Counter()
    for stats in read:
        reasons.update(stats.by_pillow)
    pictures, samples = sum(stats.pictures for stats in read), sum(stats.samples for stats in read)
    told = [f"{count:,} of {pictures:,} pictures: {reason}" for reason, count in reasons.most_common()]
    if not pictures:
        told = [*dict.fromkeys(reason for counters in alike for reason in counters.reasons)]
    if len(told) > _REASONS:
        told[_REASONS:] = [f"and {len(told) - _REASONS} reasons more"]
    waiting = sum(stats.seconds["waiting"] for stats in read)
    whole = waiting + sum(stats.seconds["outside"] for stats in read)
    rate = samples / whole if samples else 0.0
    return (
        f"{1 - reasons.total() / pictures:.1%}" if pictures else "0.0%" if way == "torch" else "no pictures",
        f"{rate:,.{0 if rate >= 10 else 2}f}" if samples else "not counted",
        f"{waiting / whole:.1%}" if samples else "not counted",
        "\n".join(told),
    )
