"""A batch on its way: its samples are located, then its numbers drawn, then its pixels made."""

import contextlib
import dataclasses
import math
from typing import Any

import numpy as np
import torch
from torch.utils.data import default_collate

from penstock import _native, memory
from penstock.compat.torch import ExceptionWrapper, pin_memory
from penstock.counters import Counters
from penstock.fallback import open_rest
from penstock.generators import Streams
from penstock.lowering.gather import Samples
from penstock.lowering.layout import collated, placed
from penstock.lowering.mixing import Mixed, Mixing
from penstock.lowering.readers import Located, Targets, detached
from penstock.lowering.timm import Copying
from penstock.lowering.transforms import Pipeline
from penstock.lowering.written import Written
from penstock.ops import refuse
from penstock.ops.operation import Mix
from penstock.process_state import as_in_worker

__all__ = ["Drawn", "Failure", "Prepared", "collate_targets"]


class Prepared:
    """A batch with its numbers drawn: pixels on their way, targets collated, or what went wrong.

    A file may turn out to be Pillow's to decode when its pixels are made. If Pillow gives pixels of the size that the
    header announced, only they are made anew. If it raises, torch has drawn nothing from there on: the batch's
    numbers, and those of later ones of the same worker, are drawn again.

    Args:
        gathering: The batch's samples.
        streams: The logical worker's.
        worker: The logical worker; None if there is none.
        counters: The loader's.
        mixing: What the loader's collate_fn does besides collating, if anything.
        pin: Whether the batch goes to page-locked memory.
        rewinds: Whether numbers may have to be drawn again, for this batch or for one before it.
        written: How the images are written, if they are to be delivered.

    Attributes:
        streams: The logical worker's.
        worker: The logical worker; None if there is none.
        followed: Whether the batch that takes its place in the queue was sent.
    """

    def __init__(
        self,
        gathering: Samples,
        streams: Streams,
        worker: int | None,
        counters: Counters,
        mixing: Mixing | Copying | None,
        *,
        pin: bool,
        rewinds: bool,
        written: Written | None = None,
    ) -> None:
        self.streams = streams
        self.followed = False
        self._counters, self._mixing = counters, mixing
        self._gathering: Samples | None = gathering
        self.worker, self._pin, self._rewinds, self._written = worker, pin, rewinds, written
        self._drawn: Drawn | None = None
        # Whether the batch failed, and an image before the one that did may be in a file that cannot be opened.
        self._doubtful = False

    @property
    def drawn(self) -> bool:
        """Whether the samples are there and their numbers drawn."""
        return self._drawn is not None

    @property
    def behind(self) -> Streams:
        """Where the logical worker's streams stood when the batch's numbers were drawn; nobody draws from these."""
        end = self._there.end
        assert end is not None  # noqa: S101 - a batch of a logical worker's has them
        return end

    @property
    def nbytes(self) -> int:
        """Of the pixels; 0 if there are none, or they are not known yet."""
        outline = None if self._drawn is None else self._drawn.outline
        return 0 if outline is None else outline.nbytes

    def ready(self) -> bool:
        """Whether the samples are there, or can be had at once."""
        return self._gathering is None or self._gathering.ready()

    def prepare(self) -> None:
        """Wait for the samples and draw their numbers; earlier batches of the same worker have drawn theirs."""
        if self._gathering is not None:
            with self._state():
                located = self._gathering.finish()
            self._drawn = self._draw(located, self.streams)
            self._gathering = None
            self._doubtful = self._drawn.failure is not None
        if self._doubtful:
            # Ctrl-C while Pillow is at work leaves this to the next call.
            damaged = self._find_damage()
            self._doubtful = False
            if damaged:
                self.redraw(self.streams)

    @property
    def opening(self) -> float:
        """The seconds in which the library has opened files of the batch."""
        return self._there.located.opening

    def redraw(self, streams: Streams) -> None:
        """Draw the numbers from where they were drawn from, after the samples have changed."""
        drawn = self._there
        assert drawn.start is not None  # noqa: S101 - only files change
        streams.follow(drawn.start)
        self._drawn = self._draw(drawn.located, streams, drawn.failure)

    def draw_later(self) -> None:
        """Draw the numbers from where the streams are, after those of a batch before have changed."""
        self._drawn = self._draw(self._there.located, self.streams, self._there.failure)

    def _draw(self, located: Located, streams: Streams, failure: "Failure | None" = None) -> "Drawn":
        start = streams.copy() if self._rewinds else None
        refuse.forget()
        try:
            samples = streams.samples(located.indices[: len(located.positions)])
        except ValueError as error:
            located.cut(0)
            return Drawn(located, start, self._end(streams), _native.Batch([], [], streams.torch), None, Failure(error))
        batch = _native.Batch(located.sources, located.positions, streams.torch, streams.python, samples)
        outline = None
        if failure is None:
            with self._state():
                outcome = _outcome(located, batch, self._mixing, streams, in_worker=self.worker is not None)
            outline, failure = (None, outcome) if isinstance(outcome, Failure) else (outcome, None)
        return Drawn(located, start, self._end(streams), batch, outline, failure)

    def _end(self, streams: Streams) -> Streams | None:
        """Return where a logical worker's streams have come to."""
        return None if self.worker is None else streams.copy()

    def _find_damage(self) -> bool:
        """Whether an image before the one that failed is in a file that Pillow does not open."""
        located, refused = self._there.located, self._there.batch.refused
        found = False
        for place in range(len(located.targets) if refused is None else refused[0] + 1):
            if located.decodes(place):
                opened = located.open(place)
                if isinstance(opened, Exception):
                    found = True
                    if self._ends(place, opened):
                        break
                elif located.retarget(place):
                    found = True
                    located.replace(place, opened)
                    if refused is not None:  # which may be otherwise by the numbers that are drawn then
                        self._there.failure = None
                    if located.late_error is not None:
                        break
        return found

    def _ends(self, place: int, error: Exception) -> bool:
        """Take note of a file that Pillow does not open; return whether the batch ends there."""
        self._there.cut(place, error)
        return True

    def _state(self) -> contextlib.AbstractContextManager[None]:
        """Of the process where torch would look up samples and collate them."""
        return contextlib.nullcontext() if self.worker is None else as_in_worker()

    @property
    def _there(self) -> "Drawn":
        assert self._drawn is not None  # noqa: S101 - whoever asks has prepared it
        return self._drawn

    def submit(self, stream: _native.JobQueue) -> None:
        """Have the pixels made by the threads, if that was not done yet."""
        drawn = self._there
        if drawn.images is None and drawn.failure is None:
            drawn.batch.submit(stream, self._memory(), drawn.mixes, self._strides)

    def run(self, stream: _native.JobQueue) -> None:
        """Make the pixels here and now."""
        if self._there.failure is None:
            self._there.batch.run(stream, self._memory(), self._there.mixes, self._strides)

    @property
    def _strides(self) -> tuple[int, int, int] | None:
        """Of each image, in elements; None if it lies channel after channel."""
        outline = self._there.outline
        return None if self._written is None or outline is None else self._written.form.strides_of(outline.shapes[0])

    def _memory(self) -> Any:
        drawn = self._there
        assert drawn.outline is not None  # noqa: S101 - what has not failed has one
        strides, images, outs = self._strides, [], []
        for shape in drawn.outline.shapes:
            whole = None if strides is None else (math.prod(shape[1:]), *strides)
            made, out = memory.empty(shape, drawn.outline.dtype, pin=self._pin, strides=whole)
            images.append(made)
            outs.append(out)
        drawn.images = images
        return outs

    def made(self) -> list[Any]:
        """Return the images as they will be handed out, if they are all made; nothing is waited for."""
        drawn = self._drawn
        if drawn is None or drawn.images is None or drawn.failure is not None or not self.is_there:
            return []
        return [] if drawn.batch.tally()[-1] else [self._handed(drawn)]

    def _handed(self, drawn: "Drawn") -> Any:
        assert drawn.images is not None  # noqa: S101 - they are there
        assert drawn.outline is not None  # noqa: S101 - what has images has one
        images = drawn.outline.pipeline.collated(drawn.images)
        return images if self._written is None else self._written.made(images)

    def wait(self, timeout: float | None) -> bool:
        """Return whether the batch, or its error, is there within so many seconds."""
        return self._there.failure is not None or self._there.batch.wait(timeout)

    @property
    def is_there(self) -> bool:
        """Whether the batch, or its error, is there, but for what the library has to open."""
        drawn = self._drawn
        if drawn is None or drawn.failure is not None:
            return drawn is not None
        return drawn.images is not None and drawn.batch.wait(0.0)

    def mend(self) -> bool:
        """Have Pillow open the files that were not decoded; return whether numbers have to be drawn again."""
        drawn = self._there
        if drawn.failure is not None:
            return False
        located, tally = drawn.located, drawn.batch.tally()
        opened = open_rest(drawn.batch, located.open, lambda place: located.pipeline(place).plans)
        self._counters.worked(tally)
        again = False
        for place, reason, pixels, made in opened:
            if isinstance(pixels, Exception):
                again = True
                if self._ends(place, pixels):
                    break
                continue
            located.by_pillow[place] = reason
            if located.retarget(place) or not made:
                located.replace(place, pixels)
                again = True
            if located.late_error is not None:
                break
        return again

    def result(self, device: str | None) -> Any:
        """Return the batch as torch would, or raise as it would."""
        drawn = self._there
        if drawn.failure is not None:
            error, note = drawn.failure.take()
            if self.worker is not None:
                error = _from_worker(error, self.worker)
            if note is not None:
                error.add_note(note)
            try:
                raise error
            finally:
                del error
        located, outline = drawn.located, drawn.outline
        assert outline is not None  # noqa: S101 - what has not failed has one
        self._counters.handed_out(len(located.targets), located.by_pillow, located.reading, located.opening)
        assert drawn.images is not None  # noqa: S101 - they are there
        if outline.mixed is not None:
            mixed = outline.mixed.with_images(drawn.images[0])
            return pin_memory(mixed, device) if self._pin else mixed
        targets = pin_memory(outline.targets, device) if self._pin else outline.targets
        if outline.pipeline.layout is not None:
            return placed(targets, drawn.images)
        return [self._handed(drawn), targets]


@dataclasses.dataclass
class Drawn:
    """Samples and their numbers.

    Attributes:
        located: The samples.
        start: Where the numbers were drawn from, if they may have to be drawn again.
        end: Where that led to, if the numbers are a logical worker's.
        batch: The numbers, and later the work on the pixels.
        outline: What the batch is, if nothing is wrong with it.
        failure: What is wrong with it.
        images: Its memory, that of each view, once pixels are being made.
    """

    located: Located
    start: Streams | None
    end: Streams | None
    batch: _native.Batch
    outline: "_Outline | None"
    failure: "Failure | None"
    images: list[torch.Tensor] | None = None

    @property
    def mixes(self) -> list[Mix]:
        """How the images are mixed once they are there."""
        return [] if self.outline is None or self.outline.mixed is None else self.outline.mixed.mixes

    def cut(self, place: int, error: Exception) -> None:
        """End the samples at a file that Pillow does not open."""
        self.located.cut(place)
        self.outline, self.failure = None, Failure(error, self.located.describe(place), place)


@dataclasses.dataclass(frozen=True)
class _Outline:
    """A batch without its pixels.

    Attributes:
        shapes: Of the images, for each view.
        pipeline: Of the first image.
        targets: As they are collated; whole samples if these have a layout of their own.
        mixed: What is made of all that, if it is mixed.
    """

    shapes: list[tuple[int, ...]]
    pipeline: Pipeline
    targets: Any
    mixed: Mixed | None

    @property
    def dtype(self) -> torch.dtype:
        """Of the images."""
        return self.pipeline.dtype

    @property
    def nbytes(self) -> int:
        """Of the images."""
        return sum(map(math.prod, self.shapes)) * self.dtype.itemsize


class Failure:
    """What torch raises in the place of a batch.

    Args:
        error: The exception.
        note: Names the sample, if it is known.
        place: Position of the sample that raised; None if it was none.

    Attributes:
        error: The same, until it is taken.
        place: The same.
    """

    def __init__(self, error: BaseException, note: str | None = None, place: int | None = None) -> None:
        self.error: BaseException | None = error
        self.place = place
        self._note = note

    def take(self) -> tuple[BaseException, str | None]:
        """Return the exception and its note; not kept, for its traceback refers to the batch."""
        error, self.error = self.error, None
        assert error is not None  # noqa: S101 - a batch is handed out once
        return error, self._note


def _outcome(
    located: Located, batch: _native.Batch, mixing: Mixing | Copying | None, streams: Streams, *, in_worker: bool
) -> _Outline | Failure:
    """Return what samples make, or what keeps them from making a batch."""
    failure = _failure(located, batch)
    if failure is not None:
        return failure
    try:
        pipeline = located.pipeline(0)

        def check(view: int) -> None:
            if len(batch.shapes) != pipeline.outputs:
                if mixing is not None:
                    mixing.refuse(batch.shapes)
                _collate(batch.shapes[view :: pipeline.outputs], in_worker=in_worker)

        shapes = [(len(located.positions), *shape) for shape in batch.shapes[: pipeline.outputs]]
        if pipeline.layout is None:
            for view in range(pipeline.outputs):
                check(view)
            collates = mixing is not None and mixing.collates
            targets = located.targets if collates else collate_targets(located.targets)
        else:
            targets = collated([*located.targets], check)
        mixed = None if mixing is None else mixing.draw(shapes[0], pipeline.dtype, targets, streams)
        return _Outline(shapes, pipeline, targets, mixed)
    except Exception as error:
        return Failure(error)


def _failure(located: Located, batch: _native.Batch) -> Failure | None:
    """Return what torch would have raised for one of the samples."""
    failed, error = len(located.targets), located.error
    if batch.refused is not None:
        failed, op, height, width = batch.refused
        step = located.pipeline(failed).steps[op]
        try:
            step.replay(height, width)
            error = RuntimeError(f"penstock cannot apply {step.transform} to an image of {height} x {width}")
        except Exception as raised:
            error = detached(raised)
    elif located.late_error is not None:
        failed, error = failed - 1, located.late_error
    if error is None:
        return None
    # An error refers to the frames that it went through, and they to images: no reference may lead back.
    if batch.refused is None:
        located.error = located.late_error = None
    try:
        return Failure(error, located.describe(failed), failed)
    finally:
        del error


def collate_targets(targets: Targets) -> Any:
    """Return what default_collate makes of a batch's targets; class numbers take a tenth of its time here."""
    integers = _native.Integers.read(targets) if isinstance(targets, list) else targets
    if integers:
        array = np.empty(len(integers), np.int64)
        integers.write(array)
        return torch.from_numpy(array).clone()  # NumPy's memory could not be resized
    column: Any = tuple(targets)  # as its own zip makes it; a column of strings is returned as it is
    return default_collate(column)


def _collate(shapes: list[list[int]], *, in_worker: bool) -> None:
    """Raise what default_collate raises for images of these shapes, if it does."""
    images = [torch.empty(shape, dtype=torch.uint8) for shape in shapes]
    if in_worker and images:
        # There it stacks into memory for all their pixels, which is too little if the first is larger than most.
        memory = torch.frombuffer(bytearray(sum(image.numel() for image in images)), dtype=torch.uint8)
        memory.resize_(len(images), *images[0].shape)
    default_collate(images)


def _from_worker(error: BaseException, worker: int) -> BaseException:
    """Return the exception that torch makes of one raised in a worker process."""
    if error.__traceback__ is None:
        # It was raised by a builtin; the text that torch makes of it begins with a traceback all the same.
        with contextlib.suppress(type(error)):
            raise error
    wrapper = ExceptionWrapper((type(error), error, error.__traceback__), f"in DataLoader worker process {worker}")
    error.__traceback__ = None  # it may refer to this frame, and that to the batch
    try:
        wrapper.reraise()
    except BaseException as wrapped:
        return wrapped.with_traceback(None)
    raise AssertionError("unreachable: reraise() raises")
