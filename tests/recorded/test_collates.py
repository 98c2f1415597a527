"""Functions that put batches together, as public code bases have them: the same batches, made natively."""

import threading
from collections import Counter

import numpy as np
import pytest
import torch
from PIL import Image
from support.both_loaders import Opened, assert_program, write_images
from support.sides import both, describe, side
from support.sides import place as file_of
from torchvision import transforms as v1
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as F

from penstock import _native
from penstock.recording import hooks, sources
from penstock.recording.chain import Chain
from penstock.recording.recorder import Recorder
from penstock.recording.tensors import is_recording

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CROPPED = [v1.RandomResizedCrop(24, interpolation=InterpolationMode.BICUBIC), v1.RandomHorizontalFlip()]


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return write_images(tmp_path_factory.mktemp("images"), 8)


def nested_tensors(samples):
    """DETR's: all images in the corner of one tensor, and where there is none."""
    images, indices = zip(*samples, strict=True)
    sizes = [[*image.shape] for image in images]
    shape = [len(images), *map(max, zip(*sizes, strict=True))]
    tensor = torch.zeros(shape, dtype=images[0].dtype, device=images[0].device)
    mask = torch.ones((shape[0], *shape[2:]), dtype=torch.bool)
    for image, place, empty in zip(images, tensor, mask, strict=True):
        place[: image.shape[0], : image.shape[1], : image.shape[2]].copy_(image)
        empty[: image.shape[1], : image.shape[2]] = False
    return tensor, mask, indices


def cat_list(samples, fill_value=0):
    """torchvision's for segmentation."""
    images = [image for image, _ in samples]
    largest = tuple(max(lengths) for lengths in zip(*[image.shape for image in images], strict=True))
    batch = images[0].new(len(images), *largest).fill_(fill_value)
    for image, place in zip(images, batch, strict=True):
        place[..., : image.shape[-2], : image.shape[-1]].copy_(image)
    return batch


def cat_list_filled(samples):
    return cat_list(samples, 255)


def in_new_memory(samples):
    """Memory in the likeness of an image, and an assignment."""
    images = [image for image, _ in samples]
    height, width = (max(image.shape[axis] for image in images) for axis in (1, 2))
    batch = images[0].new_full((len(images), 3, height, width), 0.25, dtype=torch.float64)
    for place, image in enumerate(images):
        batch[place, :, : image.shape[1], : image.shape[2]] = image
    return batch, torch.zeros_like(images[0]), images[0].new_zeros(3)


def fast_collate(samples):
    """timm's for images that become floats on the device."""
    batch = torch.zeros((len(samples), *samples[0][0].shape), dtype=torch.uint8)
    for place, (image, _) in enumerate(samples):
        batch[place].copy_(image)
    return batch, torch.tensor([index for _, index in samples]).long()


def added(samples):
    batch = torch.zeros((len(samples), *samples[0][0].shape), dtype=torch.uint8)
    for place, (image, _) in enumerate(samples):
        batch[place] += image
    return batch


def arrays_added(samples):
    """timm's for arrays, whose channels came last."""
    batch = torch.zeros((len(samples), *samples[0][0].shape), dtype=torch.uint8)
    for place, (array, _) in enumerate(samples):
        batch[place] += torch.from_numpy(array)
    return batch


def to_numpy(image):
    return np.rollaxis(np.array(image, dtype=np.uint8), 2)


def channels_last(samples):
    """Memory in which channels come last."""
    batch = torch.empty((len(samples), *samples[0][0].shape), dtype=torch.float16, memory_format=torch.channels_last)
    for place, (image, _) in enumerate(samples):
        batch[place] = image
    return batch


def diffusers(samples):
    pixels = torch.stack([image for image, _ in samples])
    pixels = pixels.to(memory_format=torch.contiguous_format).float()
    return {"pixel_values": pixels, "input_ids": torch.cat([torch.full((1, 7), index) for _, index in samples])}


def hugging_face(samples):
    """The default one: what is a tensor is stacked, by key."""
    features = [{"pixel_values": image, "labels": index} for image, index in samples]
    return {
        "labels": torch.tensor([feature["labels"] for feature in features], dtype=torch.long),
        "pixel_values": torch.stack([feature["pixel_values"] for feature in features]),
    }


def of_single_ones(samples):
    """Batches of one, put together, taken apart, and put together in another order."""
    batch = torch.cat([image.unsqueeze(0) for image, _ in samples], dim=0)
    first, *others = batch.half()
    return torch.cat((torch.stack(others), first[None])), batch[1:2].squeeze(0), batch.squeeze(0)


def views_of_each(samples):
    """Several views of each image, beside each other, and all of them as one batch."""
    views = torch.stack([torch.stack([image, image.flip(-1), image]) for image, _ in samples])
    return views.half(), torch.cat([views, views]).flatten(0, 1), views.view(-1, *views.shape[2:])


SIZES = v1.Compose([v1.RandomChoice([v1.Resize(size, max_size=60) for size in (25, 31, 38)]), v1.ToTensor()])
NORMALIZED = v1.Compose([*CROPPED, v1.ToTensor(), v1.Normalize(MEAN, STD)])
BYTES = v1.Compose([*CROPPED, v1.PILToTensor()])
PROGRAMS = [
    (nested_tensors, v1.Compose([SIZES, v1.Normalize(MEAN, STD)])),
    (nested_tensors, v1.Compose([v1.RandomCrop((24, 33)), v1.PILToTensor()])),
    (cat_list, v1.Compose([SIZES, v1.Normalize(MEAN, STD)])),
    (cat_list_filled, v1.Compose([v1.RandomCrop((24, 33)), v1.PILToTensor()])),
    (in_new_memory, SIZES),
    (fast_collate, BYTES),
    (added, BYTES),
    (channels_last, NORMALIZED),
    (channels_last, BYTES),
    (diffusers, v1.Compose([*CROPPED, v1.ToTensor(), v1.Normalize([0.5], [0.5])])),
    (hugging_face, NORMALIZED),
    (of_single_ones, NORMALIZED),
    (views_of_each, NORMALIZED),
]


@pytest.mark.parametrize("workers", [0, 2])
def test_collates_are_native(paths, workers):
    for collate, transform in PROGRAMS:
        data = Opened(paths, transform)

        def program(data=data, collate=collate):
            return torch.utils.data.DataLoader(
                data, 3, collate_fn=collate, num_workers=workers, shuffle=True, drop_last=collate is of_single_ones
            )

        assert_program(program)


@pytest.mark.parametrize("workers", [0, 2])
def test_arrays_are_rendered(paths, workers):
    data = Opened(paths, v1.Compose([*CROPPED, to_numpy]))

    def program():
        return torch.utils.data.DataLoader(data, 3, collate_fn=arrays_added, num_workers=workers)

    stats = assert_program(program, 0.0)
    assert (stats.touched, stats.by_library) == (8, 0)


@pytest.fixture
def made(monkeypatch):
    """Count images that are rendered, and memory that is taken for one."""
    counted, render, empty, written = Counter(), _native.render_image, Chain.empty, sources.written

    def rendering(source, *others):
        counted["of a file" if isinstance(source, bytes) else "of pixels"] += 1
        return render(source, *others)

    def taking(function):
        def called(*arguments):
            counted["memory"] += 1
            return function(*arguments)

        return called

    monkeypatch.setattr(_native, "render_image", rendering)
    monkeypatch.setattr(Chain, "empty", taking(empty))
    monkeypatch.setattr(sources, "written", taking(written))
    return counted


@pytest.fixture
def recorder():
    recorder = Recorder(threading.get_ident())
    with hooks.recording(recorder):
        yield recorder


def opened(size=(6, 5)):
    return Image.open(file_of("subsampled", "path")).convert("RGB").resize(size)


FILLS = {
    "copy_": lambda out, image: out.copy_(image),
    "assigned": lambda out, image: out.__setitem__(slice(None), image),
    "added": lambda out, image: out.add_(image),
}


@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("to", [torch.uint8, torch.float32, torch.float16, torch.bfloat16], ids=str)
def test_a_fill_is_one_render_without_a_tensor_in_between(recorder, made, fill, to):
    for tensor in (F.pil_to_tensor(opened()), F.to_tensor(opened())):
        if to is torch.uint8 and tensor.is_floating_point():
            continue
        out = torch.zeros(2, 3, 9, 8, dtype=to)
        made.clear()
        FILLS[fill](out[1, ..., :5, :6], tensor)
        assert made == {"of a file": 1}
        assert is_recording(tensor)
        assert torch.equal(out[1, :, :5, :6], tensor.to(to))
        assert out.count_nonzero() == tensor.count_nonzero()


@pytest.mark.parametrize("batched", [False, True])
def test_a_fill_is_counted_as_native(recorder, batched):
    out = torch.zeros(2, 3, 5, 6)
    tensors = [F.to_tensor(opened()) for _ in range(2)]
    if batched:
        out.copy_(torch.stack(tensors))
    else:
        for slot, tensor in zip(out, tensors, strict=True):
            slot.copy_(tensor)
    counted = recorder.count()
    assert (counted.opened, counted.filled, counted.touched, counted.reasons) == (2, 2, 0, {})


def memories():
    """Memory that may be filled with an image of 5 rows and 6 columns, of many kinds."""
    whole = torch.zeros(3, 40, 40, dtype=torch.float64)
    return {
        "rows apart": whole[:, ::2, ::3][:, :5, :6],
        "turned": torch.zeros(6, 5, 3).permute(2, 1, 0),
        "channels apart": torch.zeros(5, 6, 4)[..., :3].permute(2, 0, 1),
        "expanded": torch.zeros(3, 1, 6).expand(3, 5, 6),
        "of another shape": torch.zeros(3, 5, 7),
        "larger": torch.zeros(2, 3, 5, 6),
        "with a gradient": torch.zeros(3, 5, 6, requires_grad=True),
        "of integers": torch.zeros(3, 5, 6, dtype=torch.int16),
        "of truth values": torch.zeros(3, 5, 6, dtype=torch.bool),
        "complex": torch.zeros(3, 5, 6, dtype=torch.complex64),
        "not zero": torch.full((3, 5, 6), 2.0),
        "negative zero": torch.full((3, 5, 6), -0.0),
        "a parameter": torch.nn.Parameter(torch.zeros(3, 5, 6), requires_grad=False),
        "none": torch.zeros(3, 5, 6, device="meta"),
    }


@pytest.mark.parametrize("kind", memories())
@pytest.mark.parametrize("fill", FILLS)
def test_memory_of_any_kind_holds_what_torch_writes(kind, fill):
    def run(make):
        out = memories()[kind]
        result = FILLS[fill](out, make(opened()))
        return result, out, out._version, out._base

    for make in (F.pil_to_tensor, F.to_tensor, lambda image: -F.to_tensor(image)):
        ours, theirs = both(lambda make=make: run(make))
        assert ours == theirs


def test_what_is_filled_is_memory_of_its_own():
    """Later changes of a slice, of the image and of what shares its memory are seen where torch has them seen."""

    def run():
        image = F.to_tensor(opened())
        out = torch.zeros(2, 3, 7, 8)
        seen, array = out[0], out.numpy()
        out[0, :, :5, :6] = image
        out[1, :, 1:6, :6].copy_(image)
        found = [out.clone(), seen.clone(), array.copy()]
        seen[:, 0, 0] = 9
        image.mul_(2)
        out[1, :, :5, :6] += image
        found += [out.clone(), image.clone()]
        image[0].zero_()
        out[0, :, 2:7, 2:8] = image
        return [*found, out, out.untyped_storage().nbytes()]

    ours, theirs = both(run)
    assert ours == theirs


def test_inference_tensors_are_filled_as_torch_does():
    def run(outside, inside):
        with torch.inference_mode(outside):
            out = torch.zeros(3, 5, 6)
        with torch.inference_mode(inside):
            return out.copy_(F.to_tensor(opened())), describe(out)

    for outside, inside in [(False, True), (True, False), (True, True)]:
        ours, theirs = both(lambda outside=outside, inside=inside: run(outside, inside))
        assert ours == theirs


def test_an_array_of_a_image_is_one_render(made):
    def arrays_of():
        return [np.array(opened()), np.asarray(opened()), np.array(opened().convert("L"), dtype=np.uint8)]

    with side(True):
        arrays_of()  # what is asked of Pillow is rendered, too
        made.clear()
        arrays = arrays_of()
        assert made == {"of a file": 3, "memory": 3}
    with side(False):
        expected = arrays_of()
    for ours, theirs in zip(arrays, expected, strict=True):
        assert np.array_equal(ours, theirs)
        assert type(ours.base) is type(theirs.base)
        assert str(ours.flags) == str(theirs.flags)
        assert ours.strides == theirs.strides


def test_images_of_a_batch_that_are_used_again_are_rendered_once(recorder, made):
    """As in mixing: each image by two factors."""
    images = [F.pil_to_tensor(opened()) for _ in range(2)]
    first = images[0].float() * 0.3 + images[1].float() * 0.7
    second = images[1].float() * 0.3 + images[0].float() * 0.7
    assert made["of a file"] == 2
    assert made["of pixels"] == 4
    one, other = [image.clone().float() for image in images]
    assert torch.equal(first, one * 0.3 + other * 0.7)
    assert torch.equal(second, other * 0.3 + one * 0.7)
    assert made["of a file"] == 2
