"""Random programs that put images together, take them apart and fill memory with them give what torch's give."""

from collections.abc import Callable
from typing import Any

import hypothesis
import numpy as np
import pytest
import torch
from hypothesis import strategies as st
from PIL import Image
from support.cases import cases
from support.sides import both, place, side
from torchvision.transforms import functional as F
from torchvision.transforms.v2 import functional as F2

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")

DTYPES = (torch.uint8, torch.float32, torch.float16, torch.int16, torch.float64, torch.bool)
INDICES: tuple[Any, ...] = (
    *(0, 1, -1, None, slice(1, None), slice(0, 2), slice(None), ...),
    *((..., slice(0, 5), slice(0, 6)), (slice(None), slice(1, 4)), (0, slice(None), slice(1, 6), slice(2, 8))),
    *((1, ..., slice(0, 5), slice(2, 8)), (slice(None), 0), (..., slice(None, None, 2)), [0], (None, ...)),
)
MAKERS: dict[str, Callable[[Any], torch.Tensor]] = {
    "bytes": F.pil_to_tensor,
    "floats": F.to_tensor,
    "images": F2.to_image,
    "gray": lambda image: F.to_tensor(image.convert("L")),
}
VALUES: tuple[Any, ...] = (
    *(torch.linspace(0, 250, 4), 0, -0.0, torch.linspace(-3, 3, 16).reshape(4, 4), True, torch.linspace(-3, 3, 12)),
    *(7.5, torch.tensor([[[1.5]], [[300.0]], [[-2.0]]]), 255, torch.arange(4) - 2, torch.arange(3)[:, None, None]),
    *(torch.linspace(-3, 3, 48).reshape(3, 4, 4), torch.tensor(3), torch.zeros(3, 1, 1, requires_grad=True)),
)
# What is done with the values so far, two of which are picked: what comes of it is a value more, or several.
STEPS: dict[str, Callable[[Any, Any, int], Any]] = {
    "zeros": lambda a, b, k: torch.zeros((2, *a.shape[-3:-2], 7, 8), dtype=DTYPES[k % len(DTYPES)]),
    "full": lambda a, b, k: a.new_full((2, 3, 7, 8), k % 3),
    "likeness": lambda a, b, k: (torch.zeros_like(a), torch.ones_like(a, dtype=DTYPES[k % len(DTYPES)])),
    "new": lambda a, b, k: a.new(2, 3, 7, 8).fill_(k % 2),
    "part": lambda a, b, k: a[INDICES[k % len(INDICES)]],
    "copy": lambda a, b, k: a.copy_(b),
    "copy to a part": lambda a, b, k: a[INDICES[k % len(INDICES)]].copy_(b),
    "assign": lambda a, b, k: a.__setitem__(INDICES[k % len(INDICES)], b),
    "write over": lambda a, b, k: a.__setitem__((..., slice(k % 4, 4), slice(1, 5)), VALUES[k % len(VALUES)]),
    "add": lambda a, b, k: a.add_(b),
    "add to a part": lambda a, b, k: a[INDICES[k % len(INDICES)]].add_(b),
    "stack": lambda a, b, k: torch.stack([a, b, a][: 2 + k % 2]),
    "cat": lambda a, b, k: torch.cat([a, b], dim=-(k % 2) * 3),
    "unsqueeze": lambda a, b, k: a.unsqueeze(-(k % 2) * 4),
    "squeeze": lambda a, b, k: a.squeeze(-(k % 2) * 4),
    "unbind": lambda a, b, k: torch.unbind(a) if k % 2 else [*a],
    "cast": lambda a, b, k: a.to(DTYPES[k % 3]),
    "contiguous": lambda a, b, k: a.contiguous(memory_format=torch.channels_last if k % 2 else torch.contiguous_format),
    "permute": lambda a, b, k: a.movedim(-3, -1),
    "flatten": lambda a, b, k: a.flatten(0, 1),
    "view": lambda a, b, k: a.view(k % 3 - 1, -1 if k % 2 else 2, *a.shape[-3:]),
    "reshape": lambda a, b, k: a.reshape(-1, *a.shape[-3:]),
    "clone": lambda a, b, k: a.clone(),
    "times": lambda a, b, k: a * (k % 3),
    "times in place": lambda a, b, k: a.mul_(2),
    "one": lambda a, b, k: a.view(-1)[k % a.numel()].fill_(1),
    "array": lambda a, b, k: torch.from_numpy(np.asarray(a)),
    "sum": lambda a, b, k: a + b,
    "negative": lambda a, b, k: -a,
}
PICKED = st.integers(0, 40)
PROGRAMS = st.lists(st.tuples(st.sampled_from(sorted(STEPS)), PICKED, PICKED, PICKED), max_size=9)


def run(makers, program):
    """All values of a program, which later steps may have changed, and what its steps raised."""
    images = [Image.open(place("subsampled", "bytes")).convert("RGB").resize((6, 5)) for _ in makers]
    values = [MAKERS[name](image) for name, image in zip(makers, images, strict=True)]
    raised = []
    for name, *picked in program:
        one, other, number = picked
        try:
            made = STEPS[name](values[one % len(values)], values[other % len(values)], number)
        except Exception as error:
            raised.append((name, type(error), str(error)))
        else:
            several = made if isinstance(made, (tuple, list)) else [made]
            values += [value for value in several if isinstance(value, torch.Tensor) and value.numel()]
    return raised, values


@cases(200)
@hypothesis.given(st.lists(st.sampled_from(sorted(MAKERS)), min_size=2, max_size=3), PROGRAMS)
@hypothesis.example(["images", "bytes"], [("clone", 0, 0, 0), ("one", 0, 0, 0), ("copy", 0, 2, 0)])
@hypothesis.example(["bytes", "floats"], [("zeros", 0, 0, 1), ("copy to a part", 2, 0, 11), ("one", 0, 0, 0)])
def test_any_program(makers, program):
    ours, theirs = both(lambda: run(makers, program))
    assert ours == theirs


@pytest.mark.parametrize("name", sorted(STEPS))
def test_each_step_after_the_usual_beginning(name):
    """So that none is left out by chance, and none raises everywhere."""
    takes_index = "part" in name or name == "assign"
    worked = False
    for makers in (["bytes", "images"], ["floats", "floats"]):
        for number in range(len(INDICES) if takes_index else 3):
            program = [("zeros", 0, 0, 1), ("stack", 0, 1, 0)]
            tried = [(name, 2, 0, number), (name, 0, 1, number), (name, 3, 0, number)]
            program += [*tried, ("times in place", 0, 0, 0), ("one", 2, 0, 5), ("sum", 3, 3, 0)]
            ours, theirs = both(lambda makers=makers, program=program: run(makers, program))
            assert ours == theirs, (makers, number)
            with side(ours=False):
                raised = [step for step, *_ in run(makers, program)[0]]
            worked |= raised.count(name) < len(tried)
    assert worked
