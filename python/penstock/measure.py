"""The process in which `penstock bench` measures one class of loader.

`bench.py` starts it by path (`python -P measure.py`) rather than as a module of this package, so that torch's
column carries none of penstock's imports, memory or threads. A request is a line of JSON on standard input, its
answer a line on standard output; whatever the measured code prints goes to standard error.

What is measured, and how:

* images per second: of a whole pass, from `iter(loader)` to the end, start of the workers included;
* first batch: from `iter(loader)` until the first batch is there;
* CPU seconds: user and system time of this process and of all that descend from it, living or gone;
* memory: the proportional set size of all these processes, less pages of files, which belong to the page cache
  and weigh less the more processes map them. Read between batches, ten times a second. "Added" is its peak less
  what it was just before the first pass. A batch that no process maps at that moment, such as one that waits in
  the queue of torch's workers, is not counted.
"""

import contextlib
import gc
import hashlib
import importlib
import importlib.util
import itertools
import json
import os
import pickle
import random
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

__all__ = [
    "ArgumentRefusedError",
    "RefusedError",
    "call",
    "check",
    "cpu_seconds",
    "digest",
    "epoch",
    "first_batch",
    "load_loader",
    "memory_bytes",
    "split",
]

MEMORY_INTERVAL_SECONDS = 0.1
_PROC = Path("/proc")


class RefusedError(Exception):
    """What keeps a loader from being measured; the message is for the user."""


class ArgumentRefusedError(RefusedError):
    """The same, where the user has named what is not there."""


# ---------------------------------------------------------------------------------------------------------------
# the loader


def split(named: str) -> tuple[str, str]:
    """Return file and function of FILE.py:FUNCTION, two empty strings if it is not of that form."""
    file, _, function = named.rpartition(":")
    return (file, function) if file and function.isidentifier() else ("", "")


def load_loader(which: str, file: str, function: str, options: Mapping[str, Any]) -> Any:
    """Return the loader that a function in a file makes of a class.

    Args:
        which: "torch" or "penstock": whose `DataLoader` the function is called with.
        file: A Python file, loaded as if it were run: its folder comes first on the path.
        function: Name of a function in it, `make(DataLoader, **options)`.
        options: Its keyword arguments.

    Raises:
        ArgumentRefusedError: If the file or the function is not there.
        RefusedError: If one of them fails, or returns no loader of that class.
    """
    loader, wanted = call(which, file, function, options), _class(which)
    if not isinstance(loader, wanted):
        got = f"{type(loader).__module__}.{type(loader).__qualname__}"
        raise RefusedError(
            f"{function} in {file} returned a {got}; it must return the loader that it makes with the class it is "
            f"called with, here {wanted.__module__}.{wanted.__qualname__}"
        )
    return loader


def call(which: str, file: str, function: str, options: Mapping[str, Any]) -> Any:
    """Return what a function in a file makes of a class, whatever it is; see `load_loader`."""
    make = _function(Path(file), function)
    with _refusing(f"{function} in {file}, called with {which}'s DataLoader, failed"):
        return make(_class(which), **options)


def _class(which: str) -> Any:
    return importlib.import_module("torch.utils.data" if which == "torch" else "penstock").DataLoader


def _function(file: Path, function: str) -> Callable[..., Any]:
    if not file.is_file():
        raise ArgumentRefusedError(f"there is no file {file}")
    # Under its own name, so that workers that are spawned can import the dataset's class.
    name = file.stem if file.stem.isidentifier() and file.stem not in sys.modules else "penstock_bench_module"
    sys.path.insert(0, str(file.resolve().parent))
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ArgumentRefusedError(f"{file} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    with _refusing(f"{file} cannot be loaded"):
        spec.loader.exec_module(module)
    found = getattr(module, function, None)
    if not callable(found):
        here = sorted(key for key, value in vars(module).items() if getattr(value, "__module__", None) == name)
        raise ArgumentRefusedError(
            f"there is no function {function} in {file}; it defines {', '.join(here) or 'nothing'}"
        )
    return found  # type: ignore[no-any-return]


@contextlib.contextmanager
def _refusing(what: str) -> Iterator[None]:
    """Turn an exception of the user's code into a `RefusedError` that shows where in that code it was raised."""
    try:
        yield
    except RefusedError:
        raise
    except SystemExit as stop:
        wrong = getattr(stop.__cause__, "exit_code", 1) == 2  # by what the built-in loaders raise
        raise (ArgumentRefusedError if wrong else RefusedError)(str(stop)) from None
    except Exception as error:
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None and _is_ours(trace.tb_frame.f_code.co_filename):
            trace = trace.tb_next
        shown = "".join(traceback.format_exception(type(error), error, trace)).rstrip()
        raise RefusedError(f"{what}:\n{shown}") from None


def _is_ours(filename: str) -> bool:
    return filename == __file__ or filename.startswith("<frozen importlib")


# ---------------------------------------------------------------------------------------------------------------
# one pass


def epoch(loader: Any, seed: int, batches: int | None) -> dict[str, Any]:
    """Go through a loader once as fast as it can, and return what that took.

    Args:
        loader: To iterate over.
        seed: Of the global generators.
        batches: Where to stop; None for the whole epoch.
    """
    _seed(seed)
    images, count, sampled = 0, 0, _is_batched(loader)
    used = cpu_seconds()
    start = time.perf_counter()
    iterator = iter(loader)
    first = start
    for batch in itertools.islice(iterator, batches):
        if not count:
            first = time.perf_counter()
        count += 1
        images += images_in(batch) if sampled else 1
    end = time.perf_counter()
    batch = None
    del iterator  # now, if not before, torch's workers end and their time is known
    now = cpu_seconds()
    return {
        "seconds": end - start,
        "first_batch_seconds": first - start,
        "cpu_seconds": None if used is None or now is None else now - used,
        "images": images,
        "batches": count,
    }


def first_batch(loader: Any, seed: int) -> float:
    """Return the seconds from `iter(loader)` to its first batch; the rest is abandoned."""
    _seed(seed)
    start = time.perf_counter()
    iterator = iter(loader)
    next(iterator)
    return time.perf_counter() - start


def check(loader: Any, seed: int, batches: int | None) -> dict[str, Any]:
    """Go through a loader once without hurry: take the digest of each batch, and watch the memory."""
    _seed(seed)
    gc.collect()
    before = memory_bytes()
    peak, due = before, 0.0
    digests = []
    for batch in itertools.islice(loader, batches):
        digests.append(digest(batch))
        if peak is not None and time.monotonic() >= due:
            # Reading takes a while, in which the loader gets as far ahead of the consumer as it ever does.
            peak = max(peak, memory_bytes() or 0)
            due = time.monotonic() + MEMORY_INTERVAL_SECONDS
    return {"digests": digests, "memory_before": before, "memory_peak": peak}


def images_in(batch: Any) -> int:
    """Return the number of samples in a batch: the length of the first tensor or list of values found in it."""
    if isinstance(batch, Mapping):
        batch = list(batch.values())
    if isinstance(batch, (tuple, list)):
        if batch and not isinstance(batch[0], (str, bytes, int, float)):
            return images_in(batch[0])
        return len(batch)
    shape = getattr(batch, "shape", None)
    return int(shape[0]) if shape is not None and len(shape) else 1


def digest(batch: Any) -> str:
    """Return a fingerprint of a batch: equal if and only if structure, types, shapes and all bits are equal.

    Raises:
        RefusedError: If the batch holds an object that has no bytes to compare.
    """
    state = hashlib.blake2b(digest_size=16)
    _feed(state, batch)
    return state.hexdigest()


def _feed(state: Any, value: Any) -> None:
    import torch

    state.update(f"<{type(value).__module__}.{type(value).__qualname__}>".encode())
    if isinstance(value, torch.Tensor):
        dense = value.detach().cpu().contiguous()
        state.update(f"{value.dtype} {tuple(value.shape)}".encode())
        state.update(dense.reshape(-1).view(torch.uint8).numpy())
    elif isinstance(value, Mapping):
        for key, item in value.items():
            _feed(state, key)
            _feed(state, item)
    elif isinstance(value, (tuple, list)):
        state.update(f"{len(value)}".encode())
        for item in value:
            _feed(state, item)
    elif callable(getattr(value, "tobytes", None)):  # NumPy's arrays and Pillow's images
        shape = getattr(value, "shape", getattr(value, "size", None))
        state.update(f"{getattr(value, 'dtype', getattr(value, 'mode', None))} {shape}".encode())
        state.update(value.tobytes())
    else:
        try:
            state.update(pickle.dumps(value))
        except Exception as error:
            raise RefusedError(f"batches hold a {type(value).__name__}, which cannot be compared: {error}") from None


def _is_batched(loader: Any) -> bool:
    return loader.batch_sampler is not None or loader.batch_size is not None


def _seed(seed: int) -> None:
    import torch

    random.seed(seed)
    torch.manual_seed(seed)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(seed)


# ---------------------------------------------------------------------------------------------------------------
# processes, read from /proc so that no package is needed; on other systems there is less to tell


def descendants() -> list[int]:
    """Return the ids of all processes that descend from this one; none where there is no /proc."""
    children: dict[int, list[int]] = {}
    for entry in _PROC.glob("[0-9]*"):
        if (fields := _stat(int(entry.name))) is not None:
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found, reached = [], [os.getpid()]
    while reached:
        below = children.get(reached.pop(), [])
        found += below
        reached += below
    return found


def cpu_seconds() -> float | None:
    """Return the CPU time used so far by this process and its descendants; None where that is not known."""
    try:
        import resource
    except ImportError:
        return None
    used = 0.0
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        usage = resource.getrusage(who)
        used += usage.ru_utime + usage.ru_stime
    # Those that live on, such as persistent workers, and what they have waited for.
    ticks = sum(int(tick) for pid in descendants() for tick in (_stat(pid) or ())[11:15])
    return used + ticks / os.sysconf("SC_CLK_TCK")


def memory_bytes() -> int | None:
    """Return the proportional set size of this process and its descendants, less pages of files.

    None where the kernel does not tell: on other systems than Linux, and on Linux before 5.4.
    """
    own = _memory(os.getpid())
    return None if own is None else own + sum(_memory(pid) or 0 for pid in descendants())


def _memory(pid: int) -> int | None:
    try:
        text = (_PROC / str(pid) / "smaps_rollup").read_text()
    except OSError:
        return None
    sizes = dict(line.split(":", 1) for line in text.splitlines()[1:])
    if "Pss_File" not in sizes:
        return None
    return sum(sign * int(sizes[name].split()[0]) for name, sign in (("Pss", 1024), ("Pss_File", -1024)))


def _stat(pid: int) -> list[str] | None:
    """Return the fields of /proc/<pid>/stat from the state on, None if the process is gone."""
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    return text.rpartition(")")[2].split()


# ---------------------------------------------------------------------------------------------------------------
# requests and answers


class _Server:
    """Holds the loader from one request to the next."""

    def __init__(self, which: str) -> None:
        self._which = which

    def open(self, file: str, function: str, options: dict[str, Any], seed: int) -> dict[str, Any]:
        _seed(seed)
        self._loader = loader = load_loader(self._which, file, function, options)
        try:
            size = f" of {len(loader.dataset)}"
        except (TypeError, NotImplementedError):
            size = ""
        return {
            "dataset": f"{type(loader.dataset).__name__}{size}",
            "batch_size": loader.batch_size,
            "num_workers": loader.num_workers,
            "prefetch_factor": loader.prefetch_factor,
            "pin_memory": loader.pin_memory,
            "persistent_workers": loader.persistent_workers,
        }

    def check(self, seed: int, batches: int | None) -> dict[str, Any]:
        with _refusing(f"iterating over {self._which}'s loader failed"):
            return check(self._loader, seed, batches)

    def epoch(self, seed: int, batches: int | None) -> dict[str, Any]:
        with _refusing(f"iterating over {self._which}'s loader failed"):
            return epoch(self._loader, seed, batches)

    def first_batch(self, seed: int) -> float:
        with _refusing(f"iterating over {self._which}'s loader failed"):
            return first_batch(self._loader, seed)

    def explain(self) -> dict[str, Any]:
        import dataclasses

        import penstock

        return dataclasses.asdict(penstock.explain(self._loader))

    def verdict(self) -> str:
        import penstock

        return penstock.stats(self._loader).verdict


def main() -> None:
    """Answer requests until there are no more."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    # Said about torch's loader when there are fewer cores than workers, in the middle of the table.
    warnings.filterwarnings("ignore", message="This DataLoader will create")
    which = sys.argv[1]
    # Now rather than with the first request: both classes' processes are started together, and this takes seconds.
    importlib.import_module("torch.utils.data" if which == "torch" else "penstock")
    server = _Server(which)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"result": getattr(server, request.pop("do"))(**request)}
        except RefusedError as refusal:
            answer = {"refusal": str(refusal), "argument": isinstance(refusal, ArgumentRefusedError)}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
