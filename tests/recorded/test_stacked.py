"""Functions of torchvision's second generation on stacked tensors of bytes, and rectangles of these."""

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given
from PIL import Image
from support.cases import cases
from support.sides import both, describe, is_ours, side
from support.sides import place as file_of
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as F2

from penstock.recording.tensors import is_recording

HEIGHT, WIDTH = 37, 45


def images(name, count):
    """Tensors of bytes of one size, in order."""
    image = Image.open(file_of(name, "path"))
    made = [F2.pil_to_tensor(image), F2.pil_to_tensor(image.transpose(Image.Transpose.FLIP_LEFT_RIGHT))]
    return [made[k % 2].contiguous() for k in range(count)]


def batch_of(name, count):
    return torch.stack(images(name, count)) if count > 1 else images(name, 1)[0].unsqueeze(0)


lengths = st.integers(1, 60)
modes = st.sampled_from([mode for mode in InterpolationMode if mode.value not in ("box", "hamming")])
sizes = st.one_of(st.tuples(lengths, lengths).map(list), lengths.map(lambda length: [length]))
resizes = st.tuples(sizes, modes, st.booleans()).map(
    lambda drawn: lambda batch: F2.resize(batch, drawn[0], interpolation=drawn[1], antialias=drawn[2])
)
edges = st.integers(0, 30)
crops = st.tuples(edges, edges, lengths, lengths).map(lambda drawn: lambda batch: F2.crop(batch, *drawn))
central = st.tuples(lengths, lengths).map(lambda drawn: lambda batch: F2.center_crop(batch, list(drawn)))
windows = st.tuples(edges, edges, lengths, lengths).map(
    lambda drawn: lambda batch: batch[..., drawn[0] : drawn[0] + drawn[2], drawn[1] : drawn[1] + drawn[3]]
)
others = st.sampled_from(
    [
        lambda batch: batch.to(torch.float32),
        lambda batch: F2.to_dtype(batch, torch.float32, scale=True),
        lambda batch: F2.normalize(batch.float(), [120.0], [60.0], inplace=True),
        lambda batch: batch[0].unsqueeze(0),
        lambda batch: batch[-1:],
        lambda batch: torch.cat([batch, batch]),
        lambda batch: torch.stack([*batch]),
        lambda batch: batch.detach(),
        lambda batch: batch.contiguous(),
        lambda batch: batch.clone(),
        lambda batch: batch.flatten(0, 0),
        lambda batch: batch.reshape(batch.shape[0], *batch.shape[1:]),
        lambda batch: F2.horizontal_flip(batch),
        lambda batch: batch.half() if batch.dtype == torch.float32 else batch.flip(-1),
    ]
)


@given(
    name=st.sampled_from(["plain", "png gray", "progressive"]),
    count=st.integers(1, 3),
    steps=st.lists(st.one_of(resizes, crops, central, windows, others), min_size=1, max_size=4),
)
@cases(150)
def test_stacked_images_are_as_torchs(name, count, steps):
    """Each result is kept, and seen after all of them were made."""

    def program():
        made = [batch_of(name, count)]
        for step in steps:
            made.append(step(made[-1]))
        return made[::-1]

    ours, theirs = both(program)
    assert ours == theirs


@pytest.mark.parametrize("count", [1, 3])
def test_what_is_recorded(count):
    """All that an image processor does, with a crop in the middle."""
    with side(ours=True):
        batch = F2.resize(batch_of("plain", count), [24, 31], interpolation=InterpolationMode.BICUBIC)
        batch = F2.center_crop(batch, [20, 22])
        assert is_recording(batch)
        assert batch.stride() == (3 * 24 * 31, 24 * 31, 31, 1)
        batch = F2.normalize(batch.to(torch.float32), [120.0] * 3, [60.0] * 3, inplace=True)
        assert is_recording(torch.stack([*batch]))


@pytest.mark.parametrize("change", ["rectangle", "batch", "image"])
def test_memory_is_shared_as_torchs(change):
    def program():
        batch = batch_of("plain", 2)
        part = batch[..., 3:20, 5:41]
        inner, image = part[..., 2:9, :30], batch[1]
        {"rectangle": inner, "batch": batch, "image": image}[change].add_(7)
        return batch, part, inner, image

    ours, theirs = both(program)
    assert ours == theirs


def test_one_channel_in_a_batch_is_torchs():
    """There a batch's strides are those of interleaved images, too."""

    def program():
        return F2.resize(batch_of("png gray", 2), [20, 21], antialias=True)

    ours, theirs = both(program)
    assert ours == theirs
    with side(ours=True):
        assert not is_ours(program())


def test_a_wrong_argument_raises_what_torch_raises():
    for call in (
        lambda batch: F2.resize(batch, [0, 4]),
        lambda batch: F2.resize(batch, "large"),
        lambda batch: F2.resize(batch, [7], interpolation="no such"),
        lambda batch: batch[..., 1:2, 2:3, 4:5, 6:7, 8:9],
        lambda batch: batch[..., "a":2, 2:3],
    ):
        ours, theirs = both(lambda call=call: describe(call(batch_of("plain", 2))))
        assert ours == theirs
        assert ours[0] == "raised"
