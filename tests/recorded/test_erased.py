"""Rectangles of tensors that record are written over: with constants, and with what torch drew, by anybody's code."""

import hypothesis
import pytest
import torch
import torch.utils.data
import torchvision.transforms as v1
from hypothesis import strategies as st
from support.both_loaders import Opened, assert_program, write_images
from support.cases import cases
from support.sides import both, place, side
from torchvision.transforms import functional as F
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F2

from PIL import Image  # isort: skip
from penstock.recording.tensors import is_recording

workers = pytest.mark.parametrize("workers", [0, 2])
MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.3, 0.25)
# What comes before, after which a tensor records.
BEFORE = {
    "floats": lambda image: F.normalize(F.to_tensor(image), MEAN, STD),
    "bytes": F.pil_to_tensor,
    "image": lambda image: F2.to_dtype(F2.to_image(image), torch.float32, scale=True),
    "bytes of an image": F2.to_image,
    "gray": lambda image: F.to_tensor(image.convert("L")),
    "half": lambda image: F.to_tensor(image).half(),
}
VALUES = (0, 3, 0.5, (0.1,), (1, 20.7, 3), "random")
ERASERS = {
    **{f"v1 {value}": v1.RandomErasing(0.8, value=value) for value in VALUES},
    **{f"v2 {value}": v2.RandomErasing(0.8, value=value) for value in VALUES},
    "v1 in place": v1.RandomErasing(0.8, value="random", inplace=True),
    "v2 in place": v2.RandomErasing(0.8, value=2, inplace=True),
    "large": v1.RandomErasing(1, scale=(0.9, 1), ratio=(0.9, 1.1)),
    "nothing": lambda t: F.erase(t, 3, 3, 0, 2, torch.zeros(1)),
    "outside": lambda t: F.erase(t, 3, 3, 90, 90, torch.ones(1)),
    "negative": lambda t: F2.erase(t, -5, -4, 3, 3, torch.ones(1)),
    "wrong values": lambda t: F.erase(t, 0, 0, 4, 4, torch.ones(3, 1, 5)),
    "many": lambda t: [F.erase(t, i, i, 2, 3, torch.full((1,), i), inplace=True) for i in range(20)][-1],
}
AFTER = {
    "normalize": lambda t: F.normalize(t, MEAN[: len(t)], STD[: len(t)]),
    "normalize in place": lambda t: F2.normalize(t, MEAN[: len(t)], STD[: len(t)], inplace=True),
    "clamp": lambda t: t.clamp(0, 1),
    "times": lambda t: t * 3,
    "times in place": lambda t: t.mul_(2),
    "per channel": lambda t: t - torch.tensor(MEAN[: len(t)])[:, None, None],
    "double": lambda t: t.double(),
    "to bytes": lambda t: t.to(torch.uint8),
    "convert": lambda t: F.convert_image_dtype(t, torch.float64),
    "contiguous": lambda t: t.contiguous(),
    "flip": lambda t: t.flip(-1),
    "part": lambda t: t[:, 1:9, 2:8],
    "invert": F.invert,
    "stack": lambda t: torch.stack([t, t])[1],
    "batch": lambda t: torch.stack([t, t]) / 3,
    "filled": lambda t: torch.zeros_like(t).copy_(t),
    "filled with doubles": lambda t: torch.zeros(t.shape, dtype=torch.float64).copy_(t),
    "added": lambda t: torch.zeros_like(t).add_(t),
    "image": lambda t: F.to_pil_image(t.float()),
    "detach": lambda t: t.detach(),
    **{f"again, {name}": eraser for name, eraser in ERASERS.items()},
}


def erased(before, steps):
    """All values of a program, and what its steps raised."""
    value = BEFORE[before](Image.open(place("plain", "path")).convert("RGB").resize((24, 21)))
    values = [value]
    for name in steps:
        try:
            value = {**ERASERS, **AFTER}[name](value)
        except Exception as error:
            values.append((type(error), str(error)))
        else:
            values.append(value)
    return values


@cases(300)
@hypothesis.given(
    st.sampled_from(sorted(BEFORE)),
    st.sampled_from(sorted(ERASERS)),
    st.lists(st.sampled_from(sorted(AFTER)), max_size=3),
)
def test_what_is_written_over_is_there(before, eraser, after):
    ours, theirs = both(lambda: erased(before, [eraser, *after]))
    assert ours == theirs


@pytest.mark.parametrize("after", ["normalize", "clamp", "per channel", "double", "contiguous", "detach", "stack"])
@pytest.mark.parametrize("eraser", [name for name in ERASERS if name not in ("wrong values", "many", "large")])
def test_it_goes_on_recording(eraser, after):
    with side(ours=True):
        values = erased("floats", [eraser, after])
        assert is_recording(values[-1])


def test_what_was_written_is_kept_as_it_was():
    def program():
        tensor, constant = F.to_tensor(Image.open(place("plain", "path"))), torch.ones(3, 4, 4)
        tensor[:, 2:6, 1:5] = constant
        constant.zero_()
        return tensor

    ours, theirs = both(program)
    assert ours == theirs


@pytest.mark.parametrize("inference", [(False, True), (True, False)])
def test_modes_that_forbid_it_are_minded(inference):
    def program():
        with torch.inference_mode(inference[0]):
            tensor = F.to_tensor(Image.open(place("plain", "path")))
        with torch.inference_mode(inference[1]):
            tensor[:, 2:6, 1:5] = 0.5
        return tensor

    ours, theirs = both(program)
    assert ours == theirs


@pytest.fixture
def paths(tmp_path):
    return write_images(tmp_path / "images")


@workers
@pytest.mark.parametrize("mode", ["const", "rand", "pixel"])
def test_timms_erasing(workers, mode, paths):
    erasing = pytest.importorskip("timm.data.random_erasing").RandomErasing(0.7, mode=mode, max_count=3, device="cpu")
    transform = v1.Compose([v1.RandomResizedCrop((20, 24)), v1.ToTensor(), v1.Normalize(MEAN, STD), erasing])

    def program():
        return torch.utils.data.DataLoader(Opened(paths, transform), 4, num_workers=workers)

    assert_program(program, epochs=2)


@workers
@pytest.mark.parametrize("value", [0.5, (1, 2, 3), "random"])
def test_images_of_a_batch_are_erased_each_in_its_way(workers, value, paths):
    steps = [v1.Resize((20, 24)), v1.ToTensor(), v1.RandomErasing(0.5, value=value), v1.Normalize(MEAN, STD)]
    mix = v2.CutMix(num_classes=12)

    def collate(samples):
        return mix(*torch.utils.data.default_collate(samples))

    def program():
        dataset = Opened(paths, v1.Compose(steps))
        return torch.utils.data.DataLoader(dataset, 4, shuffle=True, num_workers=workers, collate_fn=collate)

    assert_program(program, epochs=2)


@workers
def test_more_than_a_message_should_hold_is_made_in_the_worker(workers, paths):
    steps = [v1.Resize((300, 310)), v1.ToTensor(), v1.RandomErasing(1, scale=(0.5, 0.6), value="random")]

    def program():
        return torch.utils.data.DataLoader(Opened(paths, v1.Compose(steps)), 4, num_workers=workers)

    assert_program(program, share=0.0)
