"""The native module: torch's generator, plans, and the threads that make pixels.

Nothing here is public. The classes hold no reference cycles and are immutable but for `Generator`, whose calls
lock it, and `Batch`, which is submitted once.
"""

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias, final

import numpy.typing as npt
from typing_extensions import Buffer as _HasBuffer

__all__ = [
    "ArrayImages",
    "Batch",
    "Buffer",
    "Files",
    "Generator",
    "Integers",
    "JobQueue",
    "JpegFile",
    "Op",
    "OpenFile",
    "Plan",
    "__version__",
    "available_parallelism",
    "be_worker",
    "build_profile",
    "cascade_sum",
    "decode_image",
    "decode_jpeg",
    "draw_steps",
    "first_sights",
    "has_checksums",
    "image_shape",
    "index_usage",
    "jpeg_shape",
    "known_files",
    "learn",
    "look_at_file",
    "look_through",
    "mask_holes",
    "memory_usage",
    "operands_of",
    "operation_names",
    "prepare_for_workers",
    "render_image",
    "simd_level",
    "step",
    "system",
    "take_learned",
    "trim_heap",
    "trim_memory",
]

# A tensor of recorded images: plan, who opens the files that are not decoded, their places, one record for each (as
# `penstock.recording.sources.pack` makes them), their slots in the tensor if they do not follow each other, its memory,
# writable and C-contiguous bytes, the strides of each image in elements if they are not those of (C, H, W), and how
# the images are mixed.
_Ticket: TypeAlias = tuple[
    Plan,
    str,
    Sequence[str | bytes],
    bytes,
    Sequence[int] | None,
    _Memory,
    tuple[int, int, int] | None,
    Sequence[_Mix],
    Plan | None,
]
# MixUp of float32 or float64: how much of the image before and of the own one; or CutMix: top, bottom, left, right;
# or, of bytes, for each image what it gets of the one that is as far from the other end of the batch: its own share
# and the other one's, or top, bottom, left, right.
_Share: TypeAlias = tuple[float, float] | tuple[int, int, int, int]
_Mix: TypeAlias = _Share | Sequence[_Share | None]
# Some types have the buffer protocol without a stub that says so, all of them before Python 3.12.
_Memory: TypeAlias = _HasBuffer | npt.NDArray[Any] | Buffer

__version__: str
# "release" or "debug".
build_profile: str
# "unix" or "plain": how it does what systems differ in.
system: str

def available_parallelism() -> int:
    """Return how many threads this process may run at once: its affinity and its cgroup's quota."""

def index_usage() -> tuple[int, int]:
    """Return the number of files of which this process knows where their parts are, and the bytes that this takes."""

def first_sights() -> tuple[int, int]:
    """Return how many files this process has looked through, and stepped through for where their parts are."""

def prepare_for_workers() -> None:
    """Make what a process that is forked off this one must not find half made."""

def be_worker() -> None:
    """Have this process, a worker, write down what it learns of files, and leave what it has from its parent alone."""

def step(name: str, *operands: Any) -> bytes:
    """Return what is done to an image as `Batch.recorded` takes it of a record; ValueError as for `Op`."""

def draw_steps(
    plan: Plan, size: tuple[int, int], fills: Sequence[tuple[int, int, int]], state: _Memory | None = None
) -> tuple[list[tuple[str, bytes]], tuple[int, int]] | None:
    """Draw one image's steps, of a plan that draws from torch's generator alone.

    Args:
        plan: Of which the table does not matter.
        size: Height and width of the image.
        fills: The colour of each constant margin, by its number.
        state: Of a `torch.Generator`, from which it is drawn, and which goes on from there afterwards; None if nothing
            is.

    Returns:
        What each step was drawn as, and the step as `step` returns it; height and width after all of them. None, and
        the state is as it was, where torch would raise.
    """

def take_learned() -> bytes:
    """Return what this worker learned of files since the last call; nothing if that is nothing."""

def known_files(most: int) -> bytes:
    """Return what this process knows of files, in about so many bytes at most."""

def learn(content: bytes, begins: bool) -> None:
    """Learn what another process gave by one of the last two; ValueError if it did not.

    Args:
        content: What it gave.
        begins: Whether this process begins with it, and is to know files' contents by the same keys.
    """

def simd_level() -> str:
    """Return the vector instructions in use: "scalar", "avx2" or "avx512"."""

def memory_usage() -> tuple[int, int]:
    """Return the bytes of the batch pool that are in use, and those that lie idle."""

def trim_memory() -> None:
    """Give the pool's idle memory back to the system."""

def trim_heap() -> None:
    """Give what the process's allocator holds free back to the system, so that a fork shares none of it."""

def jpeg_shape(data: bytes) -> tuple[int, int, int] | None:
    """Return a JPEG's height, width and channels as its header tells, None if Pillow should decode it."""

def decode_jpeg(data: bytes, region: tuple[int, int, int, int], out: _Memory) -> bool:
    """Decode the rectangle (left, top, width, height) of a JPEG into writable memory of exactly its size.

    False if Pillow should decode the file; the memory then holds anything. Nobody else may use it meanwhile.
    """

def operands_of(step: bytes) -> tuple[str, tuple[int | float | str, ...]]:
    """Return a step's name and operands; ValueError if it is none."""

def mask_holes(content: bytes, width: int, one: bytes, most: int) -> list[tuple[int, int, int, int]] | None:
    """Return the rectangles in which a mask is zero: top, left, height and width of each.

    None if it holds anything but zeros and ones, or if there are more.

    Args:
        content: Its elements, in rows.
        width: Elements of a row.
        one: An element that is one.
        most: Rectangles there may be.
    """

def cascade_sum(values: Any, threads: int) -> float:
    """Return the sum of float32 numbers, a buffer of shape (N,), as so many threads of torch make it."""

def operation_names() -> tuple[list[str], list[str]]:
    """Return the names of all operations that are drawn, and of all steps."""

def image_shape(data: bytes) -> tuple[str, int, int, int] | None:
    """Return a file's format ("JPEG", "PNG" or "PPM"), height, width and channels as its header tells.

    None if Pillow should decode it.
    """

def decode_image(data: bytes, region: tuple[int, int, int, int], out: _Memory) -> bool:
    """Decode a rectangle of a file of any such format; otherwise like `decode_jpeg`."""

def render_image(source: bytes | _Memory, record: bytes, plan: Plan, out: _Memory) -> str | None:
    """Make one image here and now, by the calling thread, and decode no more of it than is needed.

    Args:
        source: A file's content, or its pixels: uint8 of shape (H, W), or (H, W, C) with as many channels as the plan,
            and any strides. Gray ones feed any number of channels.
        record: Of this one image, as `penstock.recording.sources.pack` makes it.
        plan: For one channel or three, if it is a file.
        out: Writable, of shape (C, H, W), or (H, W) for one channel, and elements of the plan's size. Strides are any
            positive ones by which no two elements share memory. Elements may come as their bytes, which must touch:
            (C, H, W * size). Nobody else may use the memory from the first element to the last meanwhile.

    Returns:
        None; or why the library should decode the file, and `out` then holds anything.

    Raises:
        ValueError: What is given does not fit together.
    """

def look_at_file(descriptor: int, stays: bool) -> tuple[tuple[int, int, int, str], bytes, OpenFile] | str:
    """Look through an open file, if it was not done before; where it is read does not change.

    Args:
        descriptor: Of the file.
        stays: Whether its path leads to it for as long as anybody may want it.

    Returns:
        Why Pillow should look at it itself: it might raise or warn, now or when it decodes, or too much is held
        already. Otherwise height, width, channels and format of the image, by what the file is known again, zeros if
        it is not, and the file.
    """

def has_checksums(content: bytes) -> bool:
    """Return whether the checksums of all chunks of a PNG's content are right."""

def look_through(content: bytes) -> tuple[int, int, int, str] | None:
    """Look through a file's content; None if Pillow should look at it itself."""

@final
class Buffer:
    """Writable bytes, aligned to 64, that return to the pool when nothing refers to them any more."""

    def __new__(cls, nbytes: int) -> Buffer: ...
    def __len__(self) -> int: ...

@final
class Generator:
    """A stream of random numbers equal to `torch.Generator(device="cpu")` after `manual_seed(seed)`."""

    def __new__(cls, seed: int) -> Generator: ...
    @staticmethod
    def of_samples(seed: int, epoch: int, stream: int) -> Generator:
        """Return one that has words for each sample: of Philox4x32-10 with the key (seed, epoch).

        Its counter is the low and the high half of the sample's index, the block, and which of the sample's streams it
        is. It has no state, and begins with the sample 0.
        """

    def begin(self, index: int) -> None:
        """Go to the first word of a sample, if samples have any of their own."""

    def copy(self) -> Generator:
        """Return another generator at the same position."""

    def follow(self, other: Generator) -> None:
        """Continue from another generator's position."""

    def load(self, state: _Memory) -> None:
        """Continue from the bytes of `torch.Generator.get_state()`; ValueError if they are none."""

    def store(self, state: _Memory) -> None:
        """Write the position into the bytes of a state; only the seed in it stays as it is."""

    def load_python(self, numbers: Sequence[int]) -> None:
        """Continue from the numbers of `random.getstate()[1]`; ValueError if they are none."""

    def python_state(self) -> tuple[int, ...]:
        """Return the position as `random.getstate()[1]` has it."""

    def uniform(self, low: float, high: float, fused: bool, half_open: bool) -> float:
        """Draw what `torch.empty(1).uniform_(low, high)` draws.

        Args:
            low: The lower bound.
            high: The upper bound.
            fused: Whether torch rounds product and sum once.
            half_open: Whether what was rounded to the upper bound becomes the lower one.
        """

    def multinomial(self, probabilities: Sequence[float]) -> int:
        """Draw what `torch.multinomial(probabilities, 1)` draws, where that takes exponential variates of its own.

        Args:
            probabilities: Of each choice, rounded to float32.
        """

    def words(self, count: int) -> bytes:
        """Draw `count` 32-bit words, in native byte order."""

@final
class JpegFile:
    """A JPEG whose header was read, to be decoded as a whole."""

    @staticmethod
    def read(path: str) -> JpegFile | str:
        """Read a file; why it is none that is decoded here if it is not."""

    @staticmethod
    def parse(content: _HasBuffer) -> JpegFile | str:
        """The same, of C-contiguous bytes, which are copied if they are writable."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of the file."""

    @property
    def metadata(self) -> bytes:
        """Its APP1 segments, as they stand in it: Exif and XMP."""

    def decode(self, order: str, out: _Memory) -> bool:
        """Decode it into writable memory of exactly its size; false if libjpeg should, and the memory holds anything.

        Args:
            order: "BGR", "RGB" or "gray": what stands for a pixel, whatever the file's channels are.
            out: Nobody else may use it meanwhile.
        """

@final
class OpenFile:
    """A file that was looked at, kept for as long as this lives: open, or its content where descriptors are few."""

    def is_at(self, path: str) -> bool:
        """Return whether a path leads to it, unchanged and for as long as anybody may want it."""

    def read(self) -> bytes:
        """Return all of it; OSError if it was changed since."""

    def has_checksums(self) -> bool:
        """Return whether the checksums of all chunks of this PNG are right, those of its pixels as well.

        Pillow does not look at those, and libpng stops where one is wrong.
        """

@final
class Integers:
    """Whole numbers that were Python's, as a batch's indices or targets."""

    @staticmethod
    def read(values: list[Any]) -> Integers | None:
        """Return the numbers of a list of ints, None if anything else is in it or one does not fit int64."""

    def index(self, length: int) -> bool:
        """Return whether all are indices of a sequence of this length; negative ones count from its end."""

    def pick(self, values: list[Any]) -> Integers | list[Any]:
        """Return the items of a list at these indices, as numbers if `read` would take them; IndexError."""

    def write(self, out: _Memory) -> None:
        """Write the numbers to memory of as many int64."""

    def __iter__(self) -> Iterator[int]: ...
    def __len__(self) -> int: ...
    def __getitem__(self, place: int, /) -> int: ...

@final
class Op:
    """One operation of a pipeline, numbers not yet drawn. Sizes are (height, width) in pixels."""

    def __new__(cls, name: str, *operands: Any) -> Op:
        """Return the operation of that name; ValueError if there is none with these operands.

        Args:
            name: As the core lists it.
            operands: In the order in which the operation reads them. What may be missing is None; tuples stand for what
                they hold; one of a few is a name.
        """

    def rectangle(self, size: tuple[int, int], generator: Generator) -> list[int] | None:
        """Draw the rectangle of a `RandomResizedCrop`: top, left, height, width; None if it is empty."""

@final
class Plan:
    """A pipeline: operations in order, and the table that makes an output element of a byte.

    Args:
        ops: The operations.
        table: For each channel the elements for the bytes 0 to 255, then one for each constant margin.
        channels: Of the output.
        element_bytes: 1, 2, 4 or 8.
        affine: For each channel the float32 arithmetic that gives the table: whether bytes are divided by 255
            (multiplied by its reciprocal otherwise), and mean and std. Used if a check over all bytes agrees.
        inks: For each channel the bytes of the constant margins that come before the last resize, unconverted; None
            if no image is ever resized.
        colours: The same of those that come before one of three channels is kept, for each of the three.
        tensors_from: The first operation that is given a tensor, as `PILToTensor` makes it; None if none is.
    """

    def __new__(
        cls,
        ops: Sequence[Op],
        table: bytes,
        channels: int,
        element_bytes: int,
        affine: Sequence[tuple[bool, tuple[float, float] | None]] | None = None,
        inks: bytes | None = None,
        colours: bytes | None = None,
        tensors_from: int | None = None,
    ) -> Plan: ...
    @property
    def kernel(self) -> str:
        """How bytes become elements: "copy", "arithmetic" or "lookup"."""

    @property
    def element_bytes(self) -> int: ...
    @property
    def channels(self) -> int: ...

@final
class ArrayImages:
    """Images in memory, uint8 of shape (N, H, W) or (N, H, W, C) and any strides, and their plan, one for each view.

    Holds the memory through the buffer protocol; ValueError or BufferError if it is of another kind.
    """

    def __new__(cls, pixels: _Memory, plan: Plan | Sequence[Plan]) -> ArrayImages: ...
    def __len__(self) -> int: ...

@final
class Files:
    """Files that are being read, by threads of their own, and the plan that their images pass through.

    Args:
        places: Paths, or the files' content; None is left to Pillow.
        plan: For one channel or three; one for each view of an image.
        most_pixels: Larger images are left to Pillow.
    """

    def __new__(cls, places: Sequence[str | bytes | None], plan: Plan | Sequence[Plan], most_pixels: int) -> Files: ...
    def ready(self) -> bool:
        """Return whether all files are read."""

    def wait(self) -> list[str | None]:
        """Wait until all files are read; return for each why it is left to Pillow, None if it is not.

        That is as far as its header tells.
        """

    @property
    def seconds(self) -> float:
        """Time that reading took, added up over threads."""

    def __len__(self) -> int: ...

@final
class JobQueue:
    """One iterator's queue of batches, worked on by at most `threads` threads at a time."""

    def __new__(cls, threads: int) -> JobQueue: ...
    @property
    def threads(self) -> int: ...

@final
class Batch:
    """A batch whose random numbers are drawn on construction.

    Args:
        sources: Where all images lie, or for each image its source; of files, only those that are decoded here.
        indices: Of the images in their sources; negative ones count from the end. IndexError.
        generator: The logical worker's stream of torch's numbers.
        python: That of Python's; only plans that do not draw from it go without.
        samples: What each image's numbers depend on, if they do not go on from one to the next. ValueError if there
            are not as many.
    """

    def __new__(
        cls,
        sources: ArrayImages | Files | Sequence[ArrayImages | Files],
        indices: Integers | Sequence[int],
        generator: Generator,
        python: Generator | None = None,
        samples: Sequence[int] | Integers | None = None,
    ) -> Batch: ...
    @staticmethod
    def recorded(tickets: Sequence[_Ticket]) -> Batch:
        """Return a batch of images whose steps were drawn elsewhere; their files are read from now on.

        A file's image that several tickets show is decoded once if they agree on what its header said and on who
        opens it instead; positions in the batch count such images, in the order of their first views.
        """

    def views(self, position: int) -> list[tuple[int, int]]:
        """Return the views of a recorded image: for each its ticket, and its position in that; IndexError."""

    @property
    def refused(self) -> tuple[int, int, int, int] | None:
        """Position, operation, height and width at which torch would have raised; nothing is drawn after it.

        Operations are counted through all plans of an image.
        """

    @property
    def shapes(self) -> list[list[int]]:
        """Output shapes (C, H, W): one of each view if all images agree and none was refused, else one for each."""

    def submit(
        self,
        stream: JobQueue,
        out: _Memory | Sequence[_Memory] | None = None,
        mixes: Sequence[_Mix] = ...,
        strides: tuple[int, int, int] | None = None,
    ) -> None:
        """Have the pixels made in `out`, writable and C-contiguous, which is held until the batch is gone, and mixed.

        Of several views each has memory of its own, and they are not mixed.

        Strides are those of each image in elements, if they are not those of (C, H, W); such an image is not mixed.
        The memory of recorded images is their tickets', and so are their strides, how they are mixed, and what is
        done to their values afterwards.
        """

    def run(
        self,
        stream: JobQueue,
        out: _Memory | Sequence[_Memory] | None = None,
        mixes: Sequence[_Mix] = ...,
        strides: tuple[int, int, int] | None = None,
    ) -> None:
        """Make the pixels with this thread's help, and return when they are made."""

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the pixels are made; False if that takes longer than `timeout` seconds."""

    def tally(self) -> tuple[int, int, float, float, list[tuple[int, str]]]:
        """Return what was done; complete once the pixels are made.

        Returns:
            The number of images decoded, how many of those were in files that this process had seen before, the
            seconds of decoding and of rendering, added up over threads, and the positions of the images whose
            files turned out to be Pillow's to decode, in order, each with the reason.
        """

    def supply(self, position: int, source: ArrayImages) -> bool:
        """Make such an image of the first one of `source`; False if that is not of the size in the file's header."""
