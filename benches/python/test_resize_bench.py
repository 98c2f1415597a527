"""Resizes beside Pillow's and torch's: `pytest benches/python/test_resize_bench.py`, or run the file for ratios.

Run as a program it prints, for each case, the median of the ratios of pairs that were taken in turn, in this
thread's processor time, so that other work on the machine counts little. Ours goes from the pixels of an array to
a planar uint8 batch, through the whole renderer; Pillow's from image to image, torch's from a tensor as a Pillow
image becomes one to another. `PENSTOCK_SIMD` lowers the level.
"""

import dataclasses
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as F2

from penstock import _native, memory
from penstock.ops import resampling

PAIRS = 40


@dataclasses.dataclass(frozen=True)
class Case:
    """A resize from one (height, width) to another."""

    before: tuple[int, int]
    after: tuple[int, int]
    kernel: str
    tensor: bool = False

    def __str__(self) -> str:
        sizes = (f"{width}x{height}" for height, width in (self.before, self.after))
        return f"{' to '.join(sizes)} {self.kernel}{' of a tensor' if self.tensor else ''}"


CASES = (
    Case((375, 500), (224, 224), "bilinear"),
    Case((375, 500), (224, 224), "bicubic"),
    Case((375, 500), (224, 224), "lanczos"),
    Case((375, 500), (224, 224), "nearest"),
    Case((250, 200), (224, 224), "bilinear"),
    Case((3000, 4000), (256, 341), "bilinear"),
    Case((32, 32), (224, 224), "bilinear"),
    Case((375, 500), (224, 224), "bilinear", tensor=True),
    Case((375, 500), (224, 224), "bicubic", tensor=True),
    Case((375, 500), (224, 224), "lanczos", tensor=True),
    Case((250, 200), (224, 224), "bilinear", tensor=True),
    Case((32, 32), (224, 224), "bilinear", tensor=True),
)


def noise(case: Case) -> Any:
    """Return an image; no bytes are quicker than others."""
    return np.random.default_rng(0).integers(0, 256, (*case.before, 3), dtype=np.uint8)


def library(case: Case) -> Callable[[], Any]:
    """Return a function that resizes once, by Pillow or by torch in one thread."""
    if case.tensor:
        torch.set_num_threads(1)
        tensor, mode = torch.from_numpy(noise(case)).permute(2, 0, 1), InterpolationMode(case.kernel)
        return lambda: F2.resize(tensor, list(case.after), mode)
    image, resampling = Image.fromarray(noise(case)), getattr(Image.Resampling, case.kernel.upper())
    return lambda: image.resize(case.after[::-1], resampling)


def native(case: Case) -> Callable[[], Any]:
    """Return a function that resizes once, in this thread."""
    mode = InterpolationMode(case.kernel)
    arithmetic: str | None
    if case.tensor:
        kernel, arithmetic = resampling.tensor_filter(mode, True, version=2), "torch"
    else:
        kernel, arithmetic = resampling.filter_name(mode), resampling.pass_order(case.kernel)
    if arithmetic is None:
        raise RuntimeError(f"the installed Pillow's {case.kernel} filter gives other pixels")
    plan = _native.Plan(
        [_native.Op("resize", "exact", case.after, kernel, arithmetic)], bytes(range(256)) * 3, 3, 1, inks=b""
    )
    source, stream, generator = _native.ArrayImages(noise(case)[None], plan), _native.JobQueue(1), _native.Generator(0)
    made, out = memory.empty((1, 3, *case.after), torch.uint8)

    def run() -> Any:
        _native.Batch(source, [0], generator).run(stream, out)
        return made

    return run


@pytest.mark.parametrize("way", [library, native])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_resize(benchmark: Any, case: Case, way: Callable[[Case], Callable[[], Any]]) -> None:
    benchmark(way(case))


def test_the_bench_compares_equal_things() -> None:
    for case in CASES:
        theirs = library(case)()
        expected = theirs if case.tensor else torch.from_numpy(np.asarray(theirs).copy()).permute(2, 0, 1)
        assert torch.equal(native(case)()[0], expected)


def seconds(run: Callable[[], Any]) -> float:
    """Return the processor time of a few calls."""
    start = time.thread_time()
    for _ in range(4):
        run()
    return time.thread_time() - start


def main() -> None:
    """Print the ratios."""
    print(f"{_native.simd_level()}, medians of {PAIRS} pairs of 4 resizes")
    for case in CASES:
        theirs, ours = library(case), native(case)
        pairs = [(seconds(theirs), seconds(ours)) for _ in range(PAIRS if case.before[0] < 1000 else 5)]
        times = (statistics.median(column) / 4 * 1e6 for column in zip(*pairs, strict=True))
        ratio = statistics.median(a / b for a, b in pairs)
        name = "torch " if case.tensor else "Pillow"
        print(f"{case!s:46} {name} {next(times):7.0f} us  penstock {next(times):6.0f} us  ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
