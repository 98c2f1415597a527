"""A batch's samples where bad ones do not raise: each the one that was asked for, the one in its place, or none.

What is chosen follows from the indices and from which samples fail, and of some that shows late: when numbers are drawn
(an image is too small for a crop) or when pixels are made (a file is damaged in the middle). So a choice is made anew
with what is known by then, and begins with the same indices each time.
"""

import copy
import dataclasses
from pathlib import PurePath
from typing import Any

from penstock.lowering.gather import Gathering
from penstock.lowering.readers import LeafReader, Located, Reader, SampleRef, detached
from penstock.tolerance.paths import path_of
from penstock.tolerance.policy import IN_A_ROW, BadSample, Policy, Tally, note, reason_of

__all__ = ["Chosen"]

# The position of an index in what the sampler gave, and how many were tried in its reader.
_Try = tuple[int, int]
# A sample's leaf, and where its file is.
_File = tuple[LeafReader, Any] | None


class _Part(Gathering):
    """A gathering that can go on behind a sample that failed."""

    _found: "tuple[list[Any], Exception | None] | None" = None

    def finish(self) -> Located:
        found = self._samples, self._unfound
        located = super().finish()
        if self._found is None:
            self._found = found
        return located

    def behind(self, reader: Reader, indices: list[Any], failed: int) -> "_Part":
        """Return what gathers the rest; a file that was read is not read again.

        Args:
            reader: Where the images are.
            indices: Of this part and what follows.
            failed: The position of the sample that failed.
        """
        samples, unfound = self._found or ([], None)
        left = indices[failed + 1 :]
        if failed >= len(samples):
            return _Part(reader, left)
        rest = copy.copy(self)
        rest._indices, rest._samples, rest._unfound = left, samples[failed + 1 :], unfound
        rest._located, rest._found, rest._files = None, None, []
        rest._read = {at - failed - 1: read for at, read in self._read.items() if at > failed}
        rest._why_not = {at - failed - 1: reason for at, reason in self._why_not.items() if at > failed}
        return rest


@dataclasses.dataclass
class _Slot:
    """What became of one of the indices that the sampler gave.

    Attributes:
        bad: The samples that were tried and were bad.
        is_filled: Whether one was found.
    """

    bad: list[BadSample] = dataclasses.field(default_factory=list)
    is_filled: bool = False


# Most of them: the sample that was asked for.
_FILLED = _Slot(is_filled=True)


@dataclasses.dataclass(frozen=True)
class _Failure:
    """What a sample raised, and its file, if it has one."""

    error: Exception
    file: _File

    def of(self, index: Any) -> BadSample:
        where = None if self.file is None else self.file[1]
        where = where.path if isinstance(where, SampleRef) else where
        path = str(where) if isinstance(where, (str, PurePath)) else path_of(self.error)
        return BadSample(index, path, reason_of(self.error))


class Chosen:
    """The samples of a batch; to `Prepared` it is a `Gathering`.

    Args:
        reader: Where the dataset's images are.
        indices: Of the batch.
        policy: Which samples are bad, and what is done about them.
        dataset: The loader's.

    Attributes:
        met: The bad samples that torch's way would have met, once that is settled.
    """

    def __init__(self, reader: Reader, indices: Any, policy: Policy, dataset: Any) -> None:
        self._reader, self._policy, self._dataset = reader, policy, dataset
        self.met: list[BadSample] = []
        self._facts: dict[_Try, _Failure] = {}
        # Facts that depend on the numbers that were drawn.
        self._drawn: dict[_Try, _Failure] = {}
        # The sample that is one too many, and why.
        self._last: tuple[_Try, str] | None = None
        self._slots: list[_Slot] = []
        # Which of the tries each image is.
        self._tries: list[_Try] = []
        self._unread: Exception | None = None
        try:
            self._indices = indices if type(indices) is list else list(indices)
        except Exception as error:
            # Of the sampler's, and no sample's.
            self._indices, self._unread = [], detached(error)
        self._first: _Part | None = _Part(reader, self._indices)

    def ready(self) -> bool:
        """Whether all files are read."""
        return self._first is None or self._first.ready()

    def finish(self) -> Located:
        """Wait for the files and return the samples; after an interrupt it can be called again."""
        located = self._choose(_Part(self._reader, self._indices) if self._first is None else self._first)
        self._first = None
        return located

    @property
    def is_left_out(self) -> bool:
        """Whether there were samples and none is left."""
        return bool(self._slots) and not self._tries

    def learn(self, position: int, error: Exception, file: _File, *, drawn: bool = False) -> None:
        """Take note that an image's sample fails.

        Args:
            position: Of the image.
            error: What it raises.
            file: Its leaf, and where its file is.
            drawn: Whether that depends on the numbers that were drawn.
        """
        (self._drawn if drawn else self._facts)[self._tries[position]] = _Failure(error, file)

    def forget_drawn(self) -> bool:
        """Forget what depends on numbers, which are drawn anew; return whether there was anything."""
        known, self._drawn = bool(self._drawn), {}
        return known

    def settle(self, tally: Tally, failed: int | None) -> Tally | None:
        """Count the samples; return the count, or None if one of the bad ones is one too many, and raises from then on.

        Args:
            tally: Of the worker, before this batch.
            failed: The position of the image that raises, if one does.
        """
        counted, met, filled = tally.copy(), list[BadSample](), 0
        if not any(slot.bad for slot in self._slots if slot is not _FILLED):
            # A data set that is asked for all of them at once has raised at once.
            in_bulk = failed is not None and bool(getattr(self._dataset, "__getitems__", None))
            counted.loaded(0 if in_bulk else len(self._tries) if failed is None else failed)
            self.met = met
            return counted
        for number, slot in enumerate(self._slots):
            for attempt, bad in enumerate(slot.bad):
                met.append(bad)
                if (why := counted.failed()) is not None:
                    if self._last is not None and self._last[0] == (number, attempt):
                        self.met = met
                        return counted
                    self._last = (number, attempt), why
                    return None
            if slot.is_filled:
                if filled == failed:
                    break
                filled += 1
                counted.loaded()
        self.met = met
        return counted

    def _choose(self, part: _Part) -> Located:
        self._slots, self._tries = [], []
        if self._unread is not None:
            return Located([], [], [], [], [], self._unread)
        located = Located([], [], [], [], [])
        while True:
            start = len(self._slots)
            found = part.finish()
            count = len(found.targets) - (found.late_error is not None)
            failure = _failure_of(found)
            for position in range(count if self._facts or self._drawn else 0):
                if (fact := self._fact((start + position, 0))) is not None:
                    count, failure = position, fact
                    break
            self._slots += [_FILLED] * count
            self._tries += [(start + position, 0) for position in range(count)]
            if failure is None and start == 0:
                return found
            _extend(located, found, 0, count)
            if failure is None or not self._fill(located, found, failure):
                return located
            part = part.behind(self._reader, self._indices[start:], count)

    def _fact(self, tried: _Try) -> _Failure | None:
        return self._facts.get(tried) or self._drawn.get(tried)

    def _fill(self, located: Located, found: Located, failure: _Failure) -> bool:
        """Find what takes a sample's place; return whether the batch goes on.

        Args:
            located: Where it is added.
            found: What the sample was found with.
            failure: Of the sample.
        """
        slot, number, attempt = _Slot(), len(self._slots), 0
        self._slots.append(slot)
        index = self._indices[number]
        while True:
            error = failure.error
            if not self._policy.is_bad(error):
                if found.late_error is error:
                    # Its transform has drawn numbers before that.
                    self._add(located, found, (number, attempt))
                    located.late_error = error
                else:
                    _end(located, index, failure)
                return False
            slot.bad.append(failure.of(index))
            if self._last is not None and self._last[0] == (number, attempt):
                note(error, self._last[1])
                _end(located, index, failure)
                return False
            if self._policy.skips or len(slot.bad) >= IN_A_ROW:  # of which one raises, when they are counted
                return True
            following = self._policy.after(index, self._dataset, error)
            if following is None:
                _end(located, index, failure)
                return False
            index, attempt = following, attempt + 1
            known = self._fact((number, attempt))
            if known is None:
                found = Gathering(self._reader, [index]).finish()
                known = _failure_of(found)
            if known is None:
                self._add(located, found, (number, attempt))
                return True
            failure = known

    def _add(self, located: Located, found: Located, tried: _Try) -> None:
        """Add the last sample that was found, to fill the last slot."""
        count = len(found.targets)
        _extend(located, found, count - 1, count)
        self._tries.append(tried)
        self._slots[-1].is_filled = True


def _failure_of(found: Located) -> _Failure | None:
    """Return what samples end with, if they do not end as they should."""
    if (error := found.error or found.late_error) is None:
        return None
    return _Failure(error, found.files.get(len(found.targets) - (found.late_error is not None)))


def _extend(located: Located, found: Located, start: int, end: int) -> None:
    """Add some of the samples that were found."""
    offset = len(located.targets) - start
    for position in range(start, end):
        located.indices.append(found.indices[position])
        pipeline, target = found.pipeline(position), found.targets[position]
        located.add(found.source(position), found.positions[position], pipeline, target)
        if position in found.files:
            located.files[position + offset] = found.files[position]
        if position in found.by_pillow:
            located.by_pillow[position + offset] = found.by_pillow[position]
    located.reading += found.reading
    located.opening += found.opening
    found.reading = found.opening = 0.0


def _end(located: Located, index: Any, failure: _Failure) -> None:
    """End the samples with one that raises."""
    if failure.file is not None:
        located.files[len(located.targets)] = failure.file
    located.indices.append(index)
    located.error = failure.error
