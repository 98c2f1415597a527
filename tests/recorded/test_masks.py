"""Holes that code cuts into tensors which record: by masks of zeros and ones, as Cutout does, or channel by channel."""

import hypothesis
import numpy as np
import pytest
import torch
import torch.utils.data
import torchvision.transforms as v1
from hypothesis import strategies as st
from support.both_loaders import Opened, assert_program, write_images
from support.cases import cases
from support.sides import both, place, side
from torchvision.transforms import functional as F

from PIL import Image  # isort: skip
from penstock.recording.tensors import is_recording

workers = pytest.mark.parametrize("workers", [0, 2])
MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.3, 0.25)
HEIGHT, WIDTH = 21, 24
# What comes before, after which a tensor records.
BEFORE = {
    "floats": lambda image: F.to_tensor(image),
    "of both signs": lambda image: F.normalize(F.to_tensor(image), MEAN, STD),
    "bytes": lambda image: F.pil_to_tensor(image),
    "bytes in order": lambda image: F.pil_to_tensor(image).contiguous(),
    "gray": lambda image: F.normalize(F.to_tensor(image.convert("L")), MEAN[:1], STD[:1]),
    "half": lambda image: F.normalize(F.to_tensor(image), MEAN, STD).half(),
    "part": lambda image: F.to_tensor(image.resize((WIDTH + 3, HEIGHT + 2)))[:, 1:-1, 2:-1],
}
# Masks, of tensors of so many channels.
MASKS = {
    "plane": lambda plane, _: plane,
    "one channel": lambda plane, _: plane[None],
    "expanded": lambda plane, channels: plane.expand(channels, -1, -1),
    "repeated": lambda plane, channels: plane.repeat(channels, 1, 1),
    "doubles": lambda plane, _: plane.double(),
    "bytes": lambda plane, _: plane.byte(),
    "truth values": lambda plane, channels: plane.bool().expand(channels, -1, -1),
    "half": lambda plane, _: plane.half(),
    "brain floats": lambda plane, _: plane.bfloat16(),
    "negative zeros": lambda plane, _: torch.where(plane == 0, -0.0, 1.0),
    "no mask": lambda plane, _: plane + 0.5,
    "others by channel": lambda plane, channels: torch.cat([plane[None]] + [plane.flip(0)[None]] * (channels - 1)),
    "in another order": lambda plane, _: plane.t().contiguous().t(),
    "too many channels": lambda plane, channels: plane.expand(channels + 1, -1, -1),
    "batch": lambda plane, channels: plane.expand(2, channels, -1, -1),
    "gradients": lambda plane, _: plane.clone().requires_grad_(),
}
HOLES = {
    "one": [(3, 15, 4, 20)],
    "at an edge": [(0, 9, 16, WIDTH)],
    "all": [(0, HEIGHT, 0, WIDTH)],
    "none": [],
    "two": [(1, 9, 2, 7), (12, 20, 5, 22)],
    "overlapping": [(1, 12, 2, 15), (8, 20, 5, 22)],
    "a pixel": [(5, 6, 7, 8)],
    "a grid": [(top, top + 2, left, left + 2) for top in range(0, 18, 5) for left in range(0, 20, 4)],
}
PRODUCTS = {
    "times": lambda t, mask: t * mask,
    "the other way": lambda t, mask: mask * t,
    "in place": lambda t, mask: t.mul_(mask),
    "method": lambda t, mask: t.multiply(mask),
    "function": torch.mul,
    "expanded as": lambda t, mask: t * mask.expand_as(t),
    "with an output": lambda t, mask: torch.mul(t, mask, out=torch.empty(0, dtype=torch.float64)),
}
AFTER = {
    "normalize": lambda t: F.normalize(t, MEAN[: len(t)], STD[: len(t)]),
    "clone": lambda t: t.clone(),
    "times": lambda t: t * -3,
    "to zeros": lambda t: t * 0,
    "shifted": lambda t: t + 1,
    "abs": lambda t: t.abs(),
    "double": lambda t: t.double(),
    "half": lambda t: t.half(),
    "to bytes": lambda t: t.to(torch.uint8),
    "truth values": lambda t: t.bool(),
    "flip": lambda t: t.flip(-1),
    "part": lambda t: t[:, np.int64(1) : np.int64(9), 2:8],
    "batch": lambda t: torch.stack([t, t]) / 3,
    "filled": lambda t: torch.zeros_like(t).copy_(t),
    "filled with doubles": lambda t: torch.zeros(t.shape, dtype=torch.float64).copy_(t),
    "a constant": lambda t: t.__setitem__((slice(None), slice(2, 7), slice(np.int64(3), np.int64(9))), 1) or t,
    "negative zeros": lambda t: t.__setitem__((..., slice(2, 7), slice(3, 9)), -0.0) or t,
    "a channel": lambda t: t.__setitem__((0, slice(2, 7), slice(3, 9)), 1) or t,
    "the last channel": lambda t: t.__setitem__((-1, slice(4, 11), slice(None, 9)), torch.tensor(0.25)) or t,
    "no channel": lambda t: t.__setitem__((3, slice(2, 7), slice(3, 9)), 1) or t,
    "each channel": lambda t: [t.__setitem__((c, slice(1, 5), slice(2, 9)), v) for c, v in enumerate(MEAN[: len(t)])],
    "values of a channel": lambda t: t.__setitem__((0, slice(2, 4), slice(3, 5)), torch.ones(2, 2)) or t,
    "another hole": lambda t: t * _plane([(10, 14, 0, 3)]),
}


def _plane(holes):
    plane = np.ones((HEIGHT, WIDTH), np.float32)
    for top, bottom, left, right in holes:
        plane[top:bottom, left:right] = 0
    return torch.from_numpy(plane)


def _bits(value):
    """A tensor as whole numbers, to which zeros of both signs are two."""
    if not isinstance(value, torch.Tensor):
        return value
    kind = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}[value.element_size()]
    return value.requires_grad, value.dtype, value.stride(), value.detach().contiguous().view(kind)


def masked(before, mask, holes, product, steps):
    """All values of a program, and what its steps raised."""
    value = BEFORE[before](Image.open(place("plain", "path")).convert("RGB").resize((WIDTH, HEIGHT)))
    made = MASKS[mask](_plane(HOLES[holes]), len(value))
    values = [value]
    for function in (lambda value: PRODUCTS[product](value, made), *(AFTER[name] for name in steps)):
        try:
            value = function(value) if isinstance(value, torch.Tensor) else value
        except Exception as error:
            values.append((type(error), str(error)))
        else:
            values.append(value)
    return values


def bits(*program):
    return [_bits(value) for value in masked(*program)]


@cases(400)
@hypothesis.given(
    st.sampled_from(sorted(BEFORE)),
    st.sampled_from(sorted(MASKS)),
    st.sampled_from(sorted(HOLES)),
    st.sampled_from(sorted(PRODUCTS)),
    st.lists(st.sampled_from(sorted(AFTER)), max_size=3),
)
def test_holes_are_where_torch_cuts_them(before, mask, holes, product, after):
    ours, theirs = both(lambda: bits(before, mask, holes, product, after))
    assert ours == theirs


@pytest.mark.parametrize("product", [name for name in PRODUCTS if name != "with an output"])
@pytest.mark.parametrize("holes", [name for name in HOLES if name != "a grid"])
@pytest.mark.parametrize("before", ["floats", "of both signs", "half"])
def test_a_product_records(before, holes, product):
    program = before, "plane", holes, product, []
    with side(ours=True):
        assert is_recording(masked(*program)[-1])
    ours, theirs = both(lambda: bits(*program))
    assert ours == theirs


@pytest.mark.parametrize("mask", ["one channel", "expanded", "repeated", "doubles", "bytes", "truth values"])
def test_masks_of_many_kinds_are_told(mask):
    with side(ours=True):
        assert is_recording(masked("floats", mask, "one", "times", [])[-1])


@pytest.mark.parametrize(
    "after",
    ["normalize", "clone", "abs", "double", "a constant", "negative zeros", "a channel", "another hole", "batch"],
)
def test_it_goes_on_recording(after):
    program = "floats", "plane", "two", "times", [after]
    with side(ours=True):
        assert is_recording(masked(*program)[-1])
    ours, theirs = both(lambda: bits(*program))
    assert ours == theirs


@pytest.mark.parametrize("after", ["clone", "half", "double", "a channel", "each channel"])
def test_signs_of_zeros_stay(after):
    ours, theirs = both(lambda: bits("of both signs", "plane", "two", "times", [after]))
    assert ours == theirs


def test_a_mask_is_looked_at_when_it_is_multiplied():
    def program():
        mask = _plane(HOLES["one"])
        tensor = F.to_tensor(Image.open(place("plain", "path")).resize((WIDTH, HEIGHT))) * mask
        mask.zero_()
        return tensor

    ours, theirs = both(program)
    assert ours == theirs


ORDERS = {
    "list": lambda t: t[[2, 1, 0]],
    "list and slices": lambda t: t[[1, 0, 2], :, :],
    "list and dots": lambda t: t[[1, 2, 0], ...],
    "flip": lambda t: t.flip(0),
    "flip from behind": lambda t: torch.flip(t, (-3,)),
    "twice": lambda t: t[[2, 0, 1]].flip(0),
}
OTHERS = {
    "fewer": lambda t: t[[2, 1]],
    "again": lambda t: t[[0, 0, 1]],
    "from behind": lambda t: t[[-1, 1, 0]],
    "truth values": lambda t: t[[True, False, True]],
    "tuple": lambda t: t[(2, 1, 0)],
    "a row": lambda t: t[[2, 1, 0], 3],
    "a tensor": lambda t: t[torch.tensor([2, 1, 0])],
    "too many": lambda t: t[[2, 1, 0], :, :, :],
}


@pytest.mark.parametrize("after", ["nothing", "normalize", "a channel", "another hole", "part"])
@pytest.mark.parametrize("order", [*ORDERS, *OTHERS])
@pytest.mark.parametrize("before", sorted(BEFORE))
def test_channels_come_in_the_order_of_torchs(before, order, after):
    def program():
        tensor = BEFORE[before](Image.open(place("plain", "path")).convert("RGB").resize((WIDTH, HEIGHT)))
        try:
            made = {**ORDERS, **OTHERS}[order](tensor)
            return [_bits(value) for value in (AFTER.get(after, torch.clone)(made), made, tensor)]
        except Exception as error:
            return type(error), str(error)

    ours, theirs = both(program)
    assert ours == theirs


@pytest.mark.parametrize("order", ORDERS)
def test_channels_that_are_converted_alike_record_in_another_order(order):
    with side(ours=True):
        assert is_recording(ORDERS[order](F.to_tensor(Image.open(place("plain", "path")))) * 255)


@pytest.fixture
def paths(tmp_path):
    return write_images(tmp_path / "images")


class Cutout:
    """Cuts a square hole, as most code does; at the end, where zeros have signs, or before.

    Args:
        length: Of its sides.
        in_place: Whether the tensor itself is changed.
    """

    def __init__(self, length, *, in_place=False):
        self.length, self.in_place = length, in_place

    def __call__(self, image):
        height, width = image.size(1), image.size(2)
        mask = np.ones((height, width), np.float32)
        y, x = np.random.randint(height), np.random.randint(width)  # noqa: NPY002
        half = self.length // 2
        mask[max(y - half, 0) : y + half, max(x - half, 0) : x + half] = 0.0
        mask = torch.from_numpy(mask).expand_as(image)
        if self.in_place:
            image *= mask
            return image
        return image * mask


class Erasing:
    """Writes over a rectangle channel by channel."""

    def __call__(self, image):
        top, left = (int(place) for place in torch.randint(10, (2,)))
        for channel, value in enumerate(MEAN):
            image[channel, top : top + 7, left : left + 9] = value
        return image


@workers
@pytest.mark.parametrize("hole", [Cutout(10), Cutout(10, in_place=True), Erasing()])
@pytest.mark.parametrize("first", [False, True])
def test_programs_that_cut_holes(workers, hole, first, paths):
    normalize = v1.Normalize(MEAN, STD)
    steps = [v1.RandomCrop((20, 24), pad_if_needed=True), v1.ToTensor()]
    steps += [hole, normalize] if first else [normalize, hole]

    def program():
        np.random.seed(0)  # noqa: NPY002
        return torch.utils.data.DataLoader(Opened(paths, v1.Compose(steps)), 4, num_workers=workers)

    assert_program(program, epochs=2)
