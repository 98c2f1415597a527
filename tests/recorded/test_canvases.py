"""Memory on which a worker's `collate_fn` pads images records, and is torch's in the end, whatever is done to it."""

import io
import threading
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.reduction import ForkingPickler

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given
from PIL import Image
from support.both_loaders import Opened, assert_program, write_images
from support.cases import cases
from support.compare import assert_same
from support.files import encode, photo
from torch.utils._pytree import tree_map
from torch.utils.data import default_collate
from torchvision.transforms import functional as F

from penstock.recording import hooks, planes, sent, tickets
from penstock.recording.canvases import is_canvas
from penstock.recording.planes import is_plane
from penstock.recording.recorder import Recorder

SIZES = ((40, 31), (25, 44), (33, 33))
FILES = [encode(photo(height, width, seed=k)) for k, (height, width) in enumerate(SIZES)]
# Of what is taken for a batch; what is taken to find out about conversions is less.
LEAST = 1 << 13
MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.3, 0.1)


def opened():
    return [Image.open(io.BytesIO(file)).convert("RGB") for file in FILES]


def tensors():
    return [F.normalize(F.to_tensor(image), MEAN, STD) for image in opened()]


def bytes_of_images():
    return [F.pil_to_tensor(image) for image in opened()]


def masks():
    return [torch.as_tensor(np.array(image.convert("L")), dtype=torch.int64) for image in opened()]


def extent(images):
    return len(images), *(max(lengths) for lengths in zip(*(image.shape for image in images), strict=True))


def put(images, out):
    for image, place in zip(images, out, strict=True):
        place[..., : image.shape[-2], : image.shape[-1]].copy_(image)
    return out


def padded(images, value=0, **options):
    return put(images, images[0].new(*extent(images)).fill_(value)) if not options else None


def zeros(images):
    out = torch.zeros(extent(images), dtype=images[0].dtype, device=images[0].device)
    for image, place in zip(images, out, strict=True):
        place[: image.shape[0], : image.shape[1], : image.shape[2]].copy_(image)
    return out


def by_index(images):
    out = torch.full(extent(images), 0.25)
    for k, image in enumerate(images):
        out[k, :, : image.shape[1], : image.shape[2]] = image
    return out


def in_the_middle(images):
    count, channels, height, width = extent(images)
    out = images[0].new_ones((count, channels, height + 9, width + 5))
    for k, image in enumerate(images):
        out[k, ..., 4 : 4 + image.shape[1], 3 : 3 + image.shape[2]] = image
    return out


def as_doubles(images):
    return put(images, torch.zeros(extent(images), dtype=torch.float64))


def not_blocking(images):
    out = torch.zeros(extent(images))
    for image, place in zip(images, out, strict=True):
        place[:, : image.shape[1], : image.shape[2]].copy_(image, True)
    return out


def by_names(images):
    out = torch.zeros(extent(images))
    for image, place in zip(images, out, strict=True):
        place[:, : image.shape[1], : image.shape[2]].copy_(other=image)
    for image, place in zip(images, again := torch.zeros(extent(images)), strict=True):
        place[:, : image.shape[1], : image.shape[2]].copy_(image, non_blocking=True)
    return again


def by_bounds_of_arrays(images):
    out = torch.zeros(extent(images))
    for k, image in enumerate(images):
        height, width = np.array(image.shape[-2:])
        out[k, :, :height, np.int64(0) : width] = image
    return out


def by_what_torch_does_not_take(images):
    told = []
    for options in ({"bogus": 1}, {"non_blocking": "yes"}, {"src": images[0]}):
        for out in (torch.zeros(extent(images)), torch.zeros(3, *images[0].shape)):
            try:
                out[0, :, : images[0].shape[1], : images[0].shape[2]].copy_(images[0], **options)
            except TypeError as error:
                told.append(str(error))
    return told


def by_threads(images):
    out = images[0].new_zeros((40, *extent(images)[1:]))

    def fill(number):
        image = images[number % len(images)]
        out[number, :, : image.shape[1], : image.shape[2]] = image
        if number % 13 == 12:
            out[number].add_(1)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(fill, range(len(out))))
    return out


def one_is_missing(images):
    out = torch.zeros((4, *extent(images)[1:]))
    put(images, out[:3])
    put(images[1:2], out[3:])
    out = torch.zeros((5, *extent(images)[1:]))
    return put(images[1:], [out[1], out[-1]])[0], out


def edited_afterwards(images):
    out = padded(images, 2)
    for image in images:
        image.mul_(2)
        image[:, 3:5, 3:9] = 7
    return out, images


def written_over_before(images):
    for image in images:
        image[:, 3:5, 3:9] = 7
    count, channels, height, width = extent(images)
    out = torch.zeros((count, channels, height + 2, width + 2))
    for image, place in zip(images, out, strict=True):
        place[:, 2 : 2 + image.shape[1], 1 : 1 + image.shape[2]].copy_(image)
    return out


def with_parts(images):
    out = padded(images)
    return out, out[1], out[:2, :, 3:, :7], out[0, 0]


def views_of_another_mode(images):
    with torch.no_grad():
        out = torch.zeros(extent(images))
    part = put(images, out)[0]
    return out.requires_grad, part.mul_(torch.ones(1, requires_grad=True)).detach(), out.requires_grad


LAZY = {
    "new": (tensors, padded),
    "a constant": (tensors, lambda images: padded(images, -1.5)),
    "of bytes": (bytes_of_images, lambda images: padded(images, 114)),
    "bytes on floats": (bytes_of_images, lambda images: put(images, torch.zeros(extent(images)))),
    "zeros": (tensors, zeros),
    "full": (tensors, by_index),
    "in the middle": (tensors, in_the_middle),
    "doubles": (tensors, as_doubles),
    "not blocking": (tensors, not_blocking),
    "by names": (tensors, by_names),
    "bounds of arrays": (tensors, by_bounds_of_arrays),
    "full size": (tensors, lambda images: padded([image[:, :25, :25] for image in images])),
    "written over": (tensors, written_over_before),
    "masks": (masks, lambda images: padded(images, 255)),
    "stacked masks": (masks, lambda images: torch.stack([images[0], images[0]])),
}
# What makes a canvas real, by itself or together with others.
TOUCHING = {
    "missing": (tensors, one_is_missing),
    "edited afterwards": (tensors, edited_afterwards),
    "parts": (tensors, with_parts),
    "read": (tensors, lambda images: (padded(images).sum(), padded(images)[0, 1, 2, 3], padded(images).tolist())),
    "edited": (tensors, lambda images: padded(images).mul_(3).add_(padded(images)[0])),
    "filled twice": (tensors, lambda images: padded(images).fill_(3)),
    "filled in parts": (tensors, lambda images: [part.fill_(3) for part in padded(images)]),
    "put twice": (tensors, lambda images: put(images[::-1], padded(images))),
    "other classes": (tensors, lambda images: padded(images).as_subclass(torch.nn.Parameter)),
    "plain ones": (tensors, lambda images: put([images[0] + 1, *images[1:]], padded(images[:0] or images))),
    "some plain": (tensors, lambda images: put([images[0], images[1] + 1, images[2]], torch.zeros(extent(images)))),
    "wider": (tensors, lambda images: put([images[0][:1, :30, :30]] * 3, torch.zeros(3, 3, 30, 30))),
    "whole numbers": (bytes_of_images, lambda images: put(images, torch.zeros(extent(images), dtype=torch.int16))),
    "floats on bytes": (tensors, lambda images: [*put(images, torch.zeros(extent(images), dtype=torch.uint8)).shape]),
    "transposed": (tensors, lambda images: (padded(images).permute(0, 2, 3, 1), padded(images).unbind(1))),
    "detached": (tensors, lambda images: [padded(images).detach(), padded(images).clone(), padded(images).numpy()]),
    "a step": (tensors, lambda images: put(images, torch.zeros(extent(images)))[::2, :, ::2]),
    "data": (tensors, lambda images: padded(images).data),
    "floats of a byte": (tensors, lambda images: put(images, torch.zeros(extent(images), dtype=torch.float8_e4m3fn))),
    "not to be taken": (tensors, by_what_torch_does_not_take),
    "on plain ones": (tensors, lambda images: images[0].new(images[0].shape).copy_(images[0], True)),
    "by threads": (tensors, by_threads),
    "views of another mode": (tensors, views_of_another_mode),
    "masks on plain ones": (masks, lambda images: torch.empty(images[0].shape).copy_(images[0], True)),
    "masks read": (masks, lambda images: [image.unique() for image in images] + [padded(images).max()]),
    "masks edited": (masks, lambda images: [image.add_(1) for image in images]),
    "masks on floats": (masks, lambda images: put(images, torch.zeros(extent(images)))),
    "masks of other types": (masks, lambda images: put(images, torch.zeros(extent(images), dtype=torch.int32))),
    "masks on masks": (
        masks,
        lambda images: images[0].new_zeros(50, 50)[: images[0].shape[0]][:, : images[0].shape[1]].copy_(images[0]),
    ),
}


@pytest.fixture
def recording(monkeypatch):
    """Have images record, and memory that is taken for them, however little that is."""
    for name in ("empty", "full", "ones", "zeros"):
        monkeypatch.setattr(torch, name, sent.hooked(getattr(torch, name)))
    monkeypatch.setattr(torch, "as_tensor", planes.records_masks(torch.as_tensor))
    monkeypatch.setattr(sent, "LEAST_BYTES", LEAST)
    monkeypatch.setattr(planes, "_LEAST", 1)

    def record(make, use):
        with hooks.recording(Recorder()), sent.collating(records=True):
            return use(make())

    return record


def sent_on(value):
    """Return what arrives of something."""
    return ForkingPickler.loads(bytes(ForkingPickler.dumps(value)))


def seen(value):
    """Return what somebody has who has looked at it."""
    return tree_map(lambda part: (part.data_ptr(), part)[1] if isinstance(part, torch.Tensor) else part, value)


@pytest.mark.parametrize("case", [*LAZY, *TOUCHING])
def test_canvases_are_torchs_memory(case, recording):
    make, use = {**LAZY, **TOUCHING}[case]
    expected = use(make())
    assert_same(seen(recording(make, use)), expected)
    if "other classes" not in case:
        assert_same(seen(sent_on(recording(make, use))), expected)


@pytest.mark.parametrize("case", LAZY)
def test_canvases_record_until_they_are_sent(case, recording):
    made = recording(*LAZY[case])
    assert is_canvas(made)
    assert type(sent_on(made)) is torch.Tensor
    assert is_canvas(made)


def test_parts_share_memory_with_the_whole(recording):
    for arrived in (recording(tensors, with_parts), sent_on(recording(tensors, with_parts))):
        whole, first, corner, plane = arrived
        whole.zero_()
        assert not first.any()
        corner.fill_(2)
        plane.add_(1)
        assert whole[1, 2, 3, 6] == 2
        assert whole[0, 0, 3, 6] == 3


def test_what_is_pickled_may_be_read_meanwhile(recording, monkeypatch):
    canvas, readers = recording(*LAZY["stacked masks"]), []
    expected = torch.stack([masks()[0]] * 2)
    recorded = tickets.recorded

    def while_it_is_read(root):
        readers.append(reader := threading.Thread(target=canvas.unique))
        reader.start()
        reader.join(0.1)
        return recorded(root)

    monkeypatch.setattr(tickets, "recorded", while_it_is_read)
    assert_same(sent_on(canvas), expected)
    for reader in readers:
        reader.join()
    assert not is_canvas(canvas)
    assert_same(canvas, expected)


def test_masks_are_bytes_until_they_are_read(recording):
    made = recording(masks, lambda images: images)
    assert all(map(is_plane, made))
    assert_same([mask.shape for mask in made], [mask.shape for mask in masks()])
    stacked = recording(lambda: [masks()[0]] * 2, default_collate)
    assert is_canvas(stacked)
    assert_same(sent_on(stacked), default_collate([masks()[0]] * 2))
    assert_same(seen(made), masks())


def test_an_array_is_copied(recording):
    array = np.full((30, 30), 7, np.uint8)
    mask = recording(lambda: torch.as_tensor(array, dtype=torch.int64), lambda mask: mask)
    array[:] = 3
    assert is_plane(mask)
    assert (mask == 7).all()


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((30, 30), np.int32),
        np.zeros((30, 30, 3), np.uint8),
        np.zeros((30, 30), np.uint8).T[:, ::2],
        np.zeros((3, 0), np.uint8),
        np.zeros((30, 20), np.uint8, "F"),
    ],
    ids=str,
)
@pytest.mark.parametrize("dtype", [torch.int64, torch.float32, None])
def test_other_arrays_are_torchs(array, dtype, recording):
    def make():
        return torch.as_tensor(array, dtype=dtype)

    expected = make()
    found = recording(make, lambda mask: mask)
    assert type(found) is torch.Tensor
    assert found.stride() == expected.stride()
    assert_same(found, expected)


@given(data=st.data(), value=st.sampled_from([0, 1, -0.0, 0.5, float("nan"), True, 255, -1]), inference=st.booleans())
@cases(60)
def test_any_corner(data, value, inference):
    counts = data.draw(st.integers(1, 4))
    images = [data.draw(st.integers(0, 2)) for _ in range(counts)]
    make = data.draw(st.sampled_from([tensors, bytes_of_images]))
    shape = 48, 50
    corners = []
    for k in images:
        corners.append([data.draw(st.integers(0, most - length)) for most, length in zip(shape, SIZES[k], strict=True)])

    def use(full):
        made = make()
        out = full((counts, 3, *shape), value, dtype=torch.float32)
        for place, k, (top, left) in zip(out, images, corners, strict=True):
            _, height, width = made[k].shape
            place[:, top : top + height, left : left + width] = made[k]
        return out

    with torch.inference_mode(inference), pytest.MonkeyPatch.context() as patch:
        expected = use(torch.full)
        patch.setattr(sent, "LEAST_BYTES", LEAST)
        with hooks.recording(Recorder()), sent.collating(records=True):
            found = use(sent.hooked(torch.full))
        assert is_canvas(found)
        assert torch.equal(sent_on(found).nan_to_num(7), expected.nan_to_num(7))
        assert found.is_inference() is inference
        assert torch.equal(found.nan_to_num(7), expected.nan_to_num(7))


class Kept(Opened):
    """Images and masks; what is put together of them is kept."""

    def __getitem__(self, index):
        image, mask = self.open(index), self.open(index).convert("L")
        image, mask = F.resize(image, [400, 300 + 20 * index]), F.resize(mask, [400, 300 + 20 * index])
        return F.to_tensor(image), torch.as_tensor(np.array(mask), dtype=torch.int64)


class Collate:
    """Pads both; what it has made it keeps, and changes with the next batch."""

    def __init__(self):
        self.kept = []

    def __call__(self, samples):
        images, targets = zip(*samples, strict=True)
        made = padded(images, 0.5), padded(targets, 255)
        self.kept.append(made)
        others = [part.sum() for batch in self.kept[:-1] for part in batch]
        return *made, others, targets[0]


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("inference", [False, True])
def test_programs_get_torchs_batches(workers, inference, tmp_path):
    paths = write_images(tmp_path / "images", 6)

    def program():
        return torch.utils.data.DataLoader(Kept(paths), 2, num_workers=workers, collate_fn=Collate())

    with torch.inference_mode(inference):
        assert_program(program, None)


def test_threads_fill_what_workers_pad(tmp_path):
    paths = write_images(tmp_path / "images", 6)

    def collate(samples):
        return zeros([image for image, _ in samples])

    def program():
        dataset = Opened(paths, lambda image: F.to_tensor(F.resize(image, 350)))
        return torch.utils.data.DataLoader(dataset, 3, num_workers=2, collate_fn=collate)

    stats = assert_program(program)
    assert stats.touched == 0
    assert stats.decoded == 6
