"""Shared memory in which workers send their batches, and which they use again once nobody has the batch any more.

torch takes a new file of shared memory for each tensor that a worker sends: both processes map it, the system clears
its pages, and a descriptor goes through a socket. Here a worker lends its memory. The process that iterates keeps it
mapped, hands out tensors that refer to an object of its own for each time that memory arrives, and says when that
object has gone, which is when nothing refers to the batch any more. Only then, and when nothing in the worker refers
to it either, does the worker put another batch there.

A process that is forked off sees what is written there later. So what is in use at a fork is never used again.
"""

import contextlib
import dataclasses
import itertools
import os
import struct
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from multiprocessing import Pipe
from typing import Any

import numpy as np
import torch

from penstock.compat.torch import (
    DisableTorchFunction,
    disable_current_modes,
    dispatch_modes,
    function_modes,
    new_shared,
)
from penstock.message import Message
from penstock.system import looks_for

__all__ = ["Ends", "Lent", "Sending", "begin", "lend", "sending", "take"]

# Pieces of memory that a worker lends at most, and after how many tensors one goes that none was put into.
_MOST = 32
_UNUSED = 64
# A piece serves for what is smaller by no more than this share, or by a page or two.
_SHARE = 1.5
_PAGES = 1 << 13
# What is said of a piece: its number, and how often it has arrived; 0 if it is not to be used again.
_RETURN = struct.Struct("<II")
# Where new shared memory comes from, and the share of it that is left to others.
_SHARED_MEMORY = "/dev/shm"  # noqa: S108 - asked how large it is
_LEFT = 0.75


class _Hold:
    """What refers to a piece of memory for one tensor's sake; it is gone when nothing refers to the tensor's memory."""

    __slots__ = ("__array_interface__", "__weakref__", "_memory")

    def __init__(self, memory: torch.UntypedStorage, nbytes: int) -> None:
        self._memory = memory
        self.__array_interface__ = {
            "data": (memory.data_ptr(), False),
            "shape": (nbytes,),
            "typestr": "|u1",
            "version": 3,
        }


def _held(memory: torch.UntypedStorage, nbytes: int) -> "tuple[torch.UntypedStorage, weakref.ref[_Hold]]":
    """Return a storage on the first bytes of a piece, and a reference that is dead when nobody has it any more."""
    hold = _Hold(memory, nbytes)
    if function_modes() or dispatch_modes():
        # Modes of the user's are not asked: torch's own way to a storage is no function of tensors.
        with DisableTorchFunction(), disable_current_modes():
            return torch.from_numpy(np.asarray(hold)).untyped_storage(), weakref.ref(hold)
    return torch.from_numpy(np.asarray(hold)).untyped_storage(), weakref.ref(hold)


class Ends:
    """What a worker is started with: where it hears what comes back.

    Args:
        token: Of the `Lent` that says it.
        readers: For each worker, its end of a pipe.
    """

    def __init__(self, token: int, readers: list[Any]) -> None:
        self.token, self.readers = token, readers


@dataclasses.dataclass
class _Arrived:
    """A piece of a worker's memory in the process that iterates.

    Attributes:
        memory: It.
        count: How often it has arrived.
        holds: By whom it is in use.
        is_forked: Whether a process that was forked off may read it.
    """

    memory: torch.UntypedStorage
    count: int = 0
    holds: "list[weakref.ref[_Hold]]" = dataclasses.field(default_factory=list)
    is_forked: bool = False


class Lent:
    """What an iterator's workers have lent, in the process that iterates.

    Args:
        workers: How many there are.
    """

    def __init__(self, workers: int) -> None:
        self._token = next(_tokens)
        pipes = [Pipe(duplex=False) for _ in range(workers)]
        self._writers = [writer for _, writer in pipes]
        self.ends = Ends(self._token, [reader for reader, _ in pipes])
        self._known: dict[tuple[int, int], _Arrived] = {}
        self._used: dict[tuple[int, int], _Arrived] = {}
        _lents[self._token] = self

    def arrives(
        self, worker: int, number: int, nbytes: int, memory: torch.UntypedStorage | None, dropped: list[int]
    ) -> torch.UntypedStorage:
        """Return a storage on a piece that has arrived.

        Args:
            worker: Whose it is.
            number: Which one of his.
            nbytes: How much of it is sent.
            memory: It, if it has never arrived before.
            dropped: Pieces that he does not lend any more.
        """
        with _lock:
            for each in dropped:
                self._known.pop((worker, each), None)
            key = worker, number
            if memory is not None:
                self._known[key] = _Arrived(memory)
            self._used[key] = arrived = self._known[key]
            arrived.count += 1
            storage, hold = _held(arrived.memory, nbytes)
            arrived.holds.append(hold)
        return storage

    def give_back(self) -> None:
        """Tell workers of all that is not in use any more."""
        said: dict[int, bytes] = {}
        with _lock:
            for key, arrived in [*self._used.items()]:
                arrived.holds = [hold for hold in arrived.holds if hold() is not None]
                if not arrived.holds:
                    del self._used[key]
                    if arrived.is_forked:
                        self._known.pop(key, None)
                    count = 0 if arrived.is_forked else arrived.count
                    said[key[0]] = said.get(key[0], b"") + _RETURN.pack(key[1], count)
        for worker, returns in said.items():
            self._writers[worker].send_bytes(returns)

    def is_forked(self) -> None:
        """Take note that another process may read what is in use."""
        for arrived in self._used.values():
            arrived.is_forked = True


def _nobody() -> None:
    """Stand for a reference that is dead."""


@dataclasses.dataclass(eq=False)
class _Piece:
    """A piece of memory in the worker that lends it.

    Attributes:
        number: By which it is known.
        memory: It.
        hold: What uses it here; dead if nothing does.
        sent: How often it was sent.
        returned: How often it had arrived when it came back last.
        used: When it was taken last.
    """

    number: int
    memory: torch.UntypedStorage
    hold: "Callable[[], _Hold | None]" = _nobody
    sent: int = 0
    returned: int = 0
    used: int = 0

    @property
    def is_free(self) -> bool:
        """Whether nobody has what was put there last."""
        # In this order: what is about to be sent is held until it is.
        return self.hold() is None and self.sent == self.returned


class _Own:
    """What this process, a worker, lends.

    Args:
        ends: What it was started with.
        worker: Its number.
    """

    def __init__(self, ends: Ends, worker: int) -> None:
        self.token, self.worker = ends.token, worker
        self._reader = ends.readers[worker]
        for number, reader in enumerate(ends.readers):
            if number != worker:
                reader.close()
        self._is_said = looks_for(self._reader)
        self._pieces: dict[int, _Piece] = {}
        self._places: dict[int, _Piece] = {}
        # The thread that pickles takes these.
        self._dropped: deque[int] = deque()
        self._taken = self._made = 0

    def take(self, nbytes: int) -> torch.UntypedStorage | None:
        """Return a storage on memory that nobody uses; None if there is none to be had."""
        with _lock:
            return self._take(nbytes)

    def _take(self, nbytes: int) -> torch.UntypedStorage | None:
        self._hear()
        self._taken += 1
        fitting = None
        for piece in [*self._pieces.values()]:
            if not piece.is_free:
                continue
            size = piece.memory.nbytes()
            if nbytes <= size <= max(_SHARE * nbytes, nbytes + _PAGES):
                if fitting is None or size < fitting.memory.nbytes():
                    fitting = piece
            elif self._taken - piece.used > _UNUSED:
                self._drop(piece)
        if fitting is None and (fitting := self._new(nbytes)) is None:
            return None
        fitting.used = self._taken
        storage, fitting.hold = _held(fitting.memory, nbytes)
        return storage

    def _hear(self) -> None:
        while self._is_said():
            for number, count in _RETURN.iter_unpack(self._reader.recv_bytes()):
                if (piece := self._pieces.get(number)) is None:
                    continue
                if count:
                    piece.returned = count
                else:
                    self._drop(piece)

    def _new(self, nbytes: int) -> _Piece | None:
        if len(self._pieces) >= _MOST:
            free = min((piece for piece in self._pieces.values() if piece.is_free), key=_last_use, default=None)
            if free is None:
                return None
            self._drop(free)
        if not _has_room(nbytes):
            return None
        try:
            memory = new_shared(nbytes)
        except RuntimeError:
            return None
        self._made += 1
        piece = self._pieces[self._made] = self._places[memory.data_ptr()] = _Piece(self._made, memory)
        return piece

    def _drop(self, piece: _Piece) -> None:
        del self._pieces[piece.number], self._places[piece.memory.data_ptr()]
        self._dropped.append(piece.number)

    def lend(self, storage: torch.UntypedStorage) -> Any:
        """Return what a storage is sent as; None if it is not on memory that is lent."""
        piece = self._places.get(storage.data_ptr())
        # The memory itself is sent as torch sends it.
        if piece is None or storage.nbytes() > piece.memory.nbytes() or storage.is_shared():
            return None
        memory = None if piece.sent else piece.memory
        piece.sent += 1
        dropped = [self._dropped.popleft() for _ in range(len(self._dropped))]
        return _arrive, (self.token, self.worker, piece.number, storage.nbytes(), memory, dropped)

    def is_forked(self) -> None:
        """Take note that another process may read what is in use."""
        for piece in [*self._pieces.values()]:
            if piece.hold() is not None:
                self._drop(piece)


def _last_use(piece: _Piece) -> int:
    return piece.used


def _has_room(nbytes: int) -> bool:
    """Whether there is so much shared memory that what is kept of it is no matter."""
    try:
        system = os.statvfs(_SHARED_MEMORY)
    except (AttributeError, OSError):
        return False
    return system.f_bavail * system.f_frsize - nbytes > _LEFT * system.f_blocks * system.f_frsize


def _arrive(token: int, *what: Any) -> torch.UntypedStorage:
    return _lents[token].arrives(*what)


# What is collected as garbage meanwhile may ask for it once more.
_lock = threading.RLock()
_tokens = itertools.count()
_lents: "weakref.WeakValueDictionary[int, Lent]" = weakref.WeakValueDictionary()
_own: _Own | None = None


class _Sends(threading.local):
    is_on = False


_sends = _Sends()


def begin(ends: Ends | None, worker: int) -> None:
    """Have this process, a worker, lend memory."""
    global _own
    _own = None if ends is None else _Own(ends, worker)


def take(nbytes: int) -> torch.UntypedStorage | None:
    """Return a storage of memory that can be sent; None if there is none, or this process is no worker."""
    return None if _own is None or not nbytes else _own.take(nbytes)


def lend(storage: torch.UntypedStorage) -> Any:
    """Return what a storage is sent as to the process that iterates; None if it is not on memory that is lent."""
    return _own.lend(storage) if _own is not None and _sends.is_on else None


@contextlib.contextmanager
def sending() -> Iterator[None]:
    """Have what this thread pickles meanwhile be for the process that iterates, and for no other one."""
    _sends.is_on = True
    try:
        yield
    finally:
        _sends.is_on = False


class _Switch:
    """Stands before or behind what is sent, and is pickled there."""

    def __init__(self, is_on: bool) -> None:
        self._is_on = is_on

    def __reduce__(self) -> Any:
        _sends.is_on = self._is_on
        return bool, ()


_ON, _OFF = _Switch(is_on=True), _Switch(is_on=False)


class Sending(Message):
    """A message to the process that iterates, which a queue's thread pickles."""

    __slots__ = ()

    def __reduce__(self) -> Any:
        return _message, (_ON, self.data, self.told, _OFF)


def _message(_on: bool, data: Any, told: dict[str, Any], _off: bool) -> Message:
    return Message(data, told)


def _before_fork() -> None:
    _lock.acquire()
    for lent in [*_lents.values()]:
        lent.is_forked()
    if _own is not None:
        _own.is_forked()


def _in_child() -> None:
    global _own
    _own = None
    _lents.clear()
    _lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_lock.release, after_in_child=_in_child)
