"""What the installed libraries are asked before they are imitated: all probes, and what came of them.

An answer holds for as long as the process lives, so it must not come from a state that passes. What torch, NumPy and
Python keep by thread (modes, the default device, inference mode, autocast, floating point errors) is at its defaults in
a new thread, so a probe is asked in one. What they keep for the whole process (the default dtype, deterministic
algorithms, `Image.MAX_IMAGE_PIXELS`, filters of warnings) cannot be set for a moment without other threads seeing it,
so probes are written such that it does not matter: they say the dtype that they mean, and open files by Pillow's
plugins, before which nobody counts pixels. An exception that tells nothing about the library is no answer.
"""

import contextlib
import contextvars
import dataclasses
import functools
import inspect
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, ParamSpec, TypeVar

__all__ = [
    "PROBES",
    "Asked",
    "NotNowError",
    "Outcome",
    "Probe",
    "always",
    "ask_as_others_did",
    "asking",
    "in_new_thread",
    "is_asking",
    "newly_asked",
    "others_asked",
    "probe",
]

_P = ParamSpec("_P")
_T = TypeVar("_T")

# Of all libraries, in the order in which they are shown.
PROBES: "list[Probe[..., Any]]" = []
# A probe's name, and of what it was asked.
Asked = tuple[str, tuple[Any, ...]]
# What this process has asked since it told last, and what its workers have.
# Whether a thread wants the libraries' own answers.
_here = threading.local()
_asked: list[Asked] = []
_asked_by_others: dict[Asked, None] = {}


class NotNowError(Exception):
    """The process is in a state in which the library does something else."""


# What may be otherwise the next time: memory, descriptors and threads run out, warnings are errors for a while.
_PASSING = (MemoryError, NotNowError, OSError, RecursionError, Warning)


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What came of a probe.

    Attributes:
        name: What is asked of which library.
        of: Of what it was asked, a format or a filter for instance; empty if there is one thing only.
        guards: What is done natively if it passed.
        outcome: "passed", "not passed" or "not asked".
        why: Why not; empty if it passed.
        state: Of the process or thread, at which its answer is made not to look.
    """

    name: str
    of: str
    guards: str
    outcome: str
    why: str
    state: tuple[str, ...]


class Probe(Generic[_P, _T]):
    """A question to an installed library, asked when the answer is needed, and once of each thing.

    Args:
        function: Asks. What it returns is false if the library cannot be imitated.
        name: Of `Outcome`.
        guards: Of `Outcome`.
        state: Of `Outcome`.
        otherwise: What is answered if it raises; `...` to have that raised.
        examples: The arguments with which it is asked so that its outcome can be shown.
        kept: Whether the answer is that of the library, and not of what it is asked about.
        repeats: Whether it may be asked in a process that is forked afterwards, because a worker has asked: given the
            arguments. What starts torch's threads may not.
    """

    def __init__(
        self,
        function: Callable[_P, _T],
        *,
        name: str,
        guards: str,
        state: tuple[str, ...],
        otherwise: Any,
        examples: Sequence[tuple[Any, ...]],
        kept: bool,
        repeats: Callable[..., bool] = lambda *_: False,
    ) -> None:
        functools.update_wrapper(self, function)
        self._function, self._otherwise, self._examples, self._kept = function, otherwise, examples, kept
        self.name, self.guards, self.state, self.repeats = name, guards, state, repeats
        self._answers: dict[Any, Any] = {}
        self._why: dict[Any, str] = {}

    def __call__(self, *arguments: _P.args, **options: _P.kwargs) -> _T:
        """Return the answer."""
        if not self._kept:
            return self._function(*arguments, **options)
        try:
            answer: _T = self._answers[arguments]
        except KeyError:
            answer = self._ask(arguments)
        return answer

    def _ask(self, arguments: tuple[Any, ...]) -> Any:
        self._why.pop(arguments, None)
        try:
            answer = in_new_thread(self._function, *arguments)
        except Exception as error:
            answer = self._otherwise
            self._why[arguments] = f"it raised {type(error).__name__}: {error}"
            if answer is ...:
                raise
            if _passes(error):
                return answer
        self._answers[arguments] = answer
        if self.repeats(*arguments):
            _asked.append((self.name, arguments))
        return answer

    def why_not(self, *arguments: Any) -> str | None:
        """Return what was raised when it was asked last, None if nothing was."""
        return self._why.get(arguments)

    def cache_clear(self) -> None:
        """Forget all answers."""
        self._answers.clear()
        self._why.clear()

    def outcomes(self) -> Iterator[Outcome]:
        """Ask what was not asked yet, and yield what came of everything."""
        if not self._kept:
            yield Outcome(self.name, "", self.guards, "not asked", "it is asked about a loader", self.state)
            return
        asked = dict.fromkeys([*self._examples, *list(self._answers)])
        if not asked:
            yield Outcome(self.name, "", self.guards, "not asked", "nothing has needed it yet", self.state)
        for arguments in asked:
            passed = False
            with contextlib.suppress(Exception):  # `why_not` tells what
                passed = bool(self(*arguments))  # type: ignore[call-arg]
            of = _described(self._function, arguments)
            why = "" if passed else self.why_not(*arguments) or "its answer is another one"
            outcome = "passed" if passed else "not passed"
            yield Outcome(self.name, of, self.guards, outcome, why, self.state)


def _described(function: Callable[..., Any], arguments: tuple[Any, ...]) -> str:
    shown = []
    for parameter, argument in zip(inspect.signature(function).parameters, arguments, strict=True):
        value = getattr(argument, "value", getattr(argument, "__name__", argument))  # of an enum, or a class
        shown.append(str(value) if len(arguments) == 1 else f"{parameter} {value}")
    return ", ".join(shown)


def probe(
    name: str,
    guards: str,
    *,
    state: tuple[str, ...] = (),
    otherwise: Any = ...,
    examples: Sequence[tuple[Any, ...]] = ((),),
    kept: bool = True,
    repeats: Callable[..., bool] = lambda *_: False,
) -> Callable[[Callable[_P, _T]], Probe[_P, _T]]:
    """Make a function a probe; see `Probe`."""

    def make(function: Callable[_P, _T]) -> Probe[_P, _T]:
        options: dict[str, Any] = {"otherwise": otherwise, "examples": examples, "kept": kept, "repeats": repeats}
        made = Probe(function, name=name, guards=guards, state=state, **options)
        PROBES.append(made)
        return made

    return make


def always(*_: Any) -> bool:
    """Whether something may be done: it may, whatever it is done with."""
    return True


def newly_asked() -> list[Asked]:
    """Return what was asked here since the last call."""
    asked, _asked[:] = _asked[:], []
    return asked


def others_asked(asked: Sequence[Asked]) -> None:
    """Take note of what a worker has asked."""
    _asked_by_others.update(dict.fromkeys(asked))


def ask_as_others_did() -> None:
    """Ask what workers have asked, so that those that are forked from here on have the answers."""
    while _asked_by_others:
        (name, arguments), _ = _asked_by_others.popitem()
        for probe_ in (each for each in PROBES if each.name == name):
            with contextlib.suppress(Exception):  # who needs the answer is told
                probe_(*arguments)


def _passes(error: Exception) -> bool:
    # torch raises plain RuntimeErrors where there is no memory.
    return isinstance(error, _PASSING) or "memory" in str(error).lower()


def is_asking() -> bool:
    """Whether this thread wants to know what the libraries themselves make of something."""
    return getattr(_here, "asks", False)


@contextlib.contextmanager
def asking() -> Iterator[None]:
    """Have this thread's images be the libraries' own."""
    before, _here.asks = is_asking(), True
    try:
        yield
    finally:
        _here.asks = before


def in_new_thread(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in a thread of its own, in which nothing is set; return or raise as it does."""
    returned: list[Any] = []
    raised: list[BaseException] = []

    def call() -> None:
        _here.asks = True
        try:
            returned.append(contextvars.Context().run(function, *arguments))
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=call, name="penstock-probe", daemon=True)
    try:
        thread.start()
    except RuntimeError as error:  # there are too many, or the interpreter ends
        raise OSError(str(error)) from None
    thread.join()
    if raised:
        try:
            raise raised[0]
        finally:
            raised.clear()
    return returned[0]
