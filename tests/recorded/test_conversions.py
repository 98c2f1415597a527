"""Calls that look at one value at a time: their results, what they leave recorded, and what they return themselves."""

import contextlib
import pickle
from multiprocessing.reduction import ForkingPickler

import numpy as np
import pytest
import torch
from PIL import Image
from support.compare import assert_same
from support.files import encode, photo
from support.sides import age, both, describe, side
from torch.utils.data import DataLoader, Dataset
from torchvision import tv_tensors
from torchvision.transforms import functional as F
from torchvision.transforms.v2 import functional as F2

import penstock
from penstock import calls
from penstock.recording.tensors import is_recording

PER_CHANNEL = torch.tensor([0.1, 0.25, 0.7]).view(3, 1, 1)


@pytest.fixture(scope="module")
def every_value(tmp_path_factory):
    """An image of all values in each channel, each of them at many places in a vector."""
    folder = tmp_path_factory.mktemp("values")
    values = (np.arange(256 * 9) * 7 % 256).astype(np.uint8).reshape(48, 48)
    planes = np.stack([values, values[::-1], values.T], axis=2)
    assert all(len(np.unique(planes[..., channel])) == 256 for channel in range(3))
    Image.fromarray(planes).save(folder / "values.png")
    Image.fromarray(values).save(folder / "gray.png")
    age(folder)
    return folder


def colour(folder):
    return Image.open(str(folder / "values.png"))


MAKERS = {
    "floats": lambda folder: F.to_tensor(colour(folder)),
    "bytes": lambda folder: F.pil_to_tensor(colour(folder)),
    "image": lambda folder: F2.to_image(colour(folder)),
    "gray": lambda folder: F.pil_to_tensor(Image.open(str(folder / "gray.png"))),
    "normalized": lambda folder: F.normalize(F.to_tensor(colour(folder)), [0.5, 0.4, 0.3], [0.2, 0.3, 0.4]),
    "part": lambda folder: F.to_tensor(colour(folder))[..., 1:40, 2:47],
    "part of bytes": lambda folder: F.pil_to_tensor(colour(folder))[..., 1:40, 2:47],
    "batch": lambda folder: torch.stack([F.to_tensor(colour(folder)), F.to_tensor(colour(folder)).flip(-1)]),
    "batch of bytes": lambda folder: torch.stack([F.pil_to_tensor(colour(folder))] * 3),
    "batch of gray": lambda folder: torch.stack([F.pil_to_tensor(Image.open(str(folder / "gray.png")))] * 2),
    "mixed": lambda folder: torch.stack([F.to_tensor(colour(folder)), _touched(F.to_tensor(colour(folder)))]),
}
CONVERSIONS = {
    "to contiguous": lambda t: t.to(memory_format=torch.contiguous_format),
    "contiguous": lambda t: t.contiguous(),
    "contiguous by name": lambda t: t.contiguous(memory_format=torch.contiguous_format),
    "float": lambda t: t.float(),
    "to float": lambda t: t.to(torch.float32),
    "to nothing": lambda t: t.to(),
    "to cpu": lambda t: t.to("cpu"),
    "to a device": lambda t: t.to(torch.device("cpu"), torch.float16, non_blocking=True),
    "to by name": lambda t: t.to(dtype=torch.float32, device="cpu"),
    "to another": lambda t: t.to(torch.zeros(2, dtype=torch.float64)),
    "to a copy": lambda t: t.to(torch.float32, copy=True),
    "cpu": lambda t: t.cpu(),
    "type": lambda t: t.type(torch.float32),
    "type by name": lambda t: t.type("torch.FloatTensor"),
    "type as": lambda t: t.type_as(torch.zeros(9)),
    "half": lambda t: t.half(),
    "double": lambda t: t.double(),
    "bfloat16": lambda t: t.bfloat16(),
    "bool": lambda t: t.bool(),
    "long": lambda t: t.long(),
    "int": lambda t: (t * 100).int(),
    "bytes": lambda t: (t / 2).to(torch.uint8),
    "detach": lambda t: t.detach(),
    "torch.detach": lambda t: torch.detach(t),
    "clone": lambda t: t.clone(),
    "clone in order": lambda t: torch.clone(t, memory_format=torch.contiguous_format),
    "no gradients": lambda t: t.requires_grad_(False),
    "all at once": lambda t: t.to(memory_format=torch.contiguous_format).float().contiguous().cpu(),
}
ARITHMETIC = {
    "over": lambda t: t / 255,
    "over floats": lambda t: t / 127.5 - 1,
    "scaled": lambda t: t * 2 - 1,
    "whole": lambda t: t * 3 + 5,
    "from one": lambda t: 1 - t,
    "rsub": lambda t: torch.rsub(t, 2.5),
    "per channel": lambda t: (t - PER_CHANNEL) / PER_CHANNEL,
    "per channel first": lambda t: PER_CHANNEL * t + PER_CHANNEL.view(1, 3, 1, 1)[0],
    "a number in a tensor": lambda t: torch.mul(t, torch.tensor(0.3)),
    "doubles": lambda t: t * PER_CHANNEL.double(),
    "a number of NumPy": lambda t: t * np.float64(0.3),
    "a truth": lambda t: t + True,
    "clamp": lambda t: t.clamp(0.2, 0.7),
    "clamp by name": lambda t: torch.clamp(t, max=0.5),
    "clamp per channel": lambda t: t.clamp(min=PER_CHANNEL),
    "negative": lambda t: -(t * 1.0),
    "abs": lambda t: abs(t - 0.5),
    "rounded": lambda t: (t * 9.7).round().floor(),
    "sqrt": lambda t: t.sqrt(),
    "of half precision": lambda t: t.half() * 0.3 + 0.1,
    "converted": lambda t: t.float().div(255).sub(0.5),
}
IN_PLACE = {
    "sub_": lambda t: t.sub_(0.5).div_(0.25),
    "mul_": lambda t: t.mul_(2).add_(1),
    "clamp_": lambda t: t.clamp_(0, 1),
    "per channel": lambda t: t.sub_(PER_CHANNEL).div_(PER_CHANNEL),
    "neg_": lambda t: torch.neg_(t),
    "augmented": lambda t: t.__imul__(3),
}


def _touched(tensor):
    tensor[0, 0, 0] = 0.7
    return tensor


def sent(tensor):
    """A recording tensor as it arrives from a worker."""
    return pickle.loads(ForkingPickler.dumps(tensor))


def values_of(tensor):
    return [tuple(tensor.shape), tensor.dtype, describe(tensor.contiguous().as_subclass(torch.Tensor))]


@pytest.mark.parametrize("made", MAKERS)
@pytest.mark.parametrize("table", [CONVERSIONS, ARITHMETIC], ids=["conversions", "arithmetic"])
def test_results_are_torchs(every_value, made, table):
    recorded = set()
    for name, function in table.items():

        def call(function=function):
            tensor = MAKERS[made](every_value)
            result = function(tensor)
            # Whether it is the same one, of the same memory, or new.
            kept = result is tensor, result.clone()
            result.zero_()
            return kept, result, tensor

        ours, theirs = both(call)
        assert ours == theirs, name
        with side(ours=False):
            plain = function(MAKERS[made](every_value))
        with side(ours=True):
            result = function(MAKERS[made](every_value))
            if is_recording(result):
                recorded.add(name)
                assert values_of(sent(result)) == values_of(plain), name
    # Values that do not fit into their type are nobody's.
    undefined = {"normalized": {"bytes"}, "mixed": {"bool", "long", "int", "bytes"}}.get(made, set())
    undefined |= {"sqrt"} if made == "normalized" else set()
    assert recorded >= table.keys() - undefined - ({"clone in order"} if made.startswith("part") else set())


@pytest.mark.parametrize("made", MAKERS)
def test_what_is_done_in_place(every_value, made):
    for name, function in IN_PLACE.items():

        def call(function=function):
            tensor = MAKERS[made](every_value)
            result = function(tensor)
            return result is tensor, str(type(result)), result, tensor

        ours, theirs = both(call)
        assert ours == theirs, name
        with side(ours=True), contextlib.suppress(RuntimeError):
            tensor = MAKERS[made](every_value)
            if tensor.is_floating_point() and not made.startswith("part"):
                function(tensor)
                assert is_recording(tensor), name
                with side(ours=False):
                    plain = function(MAKERS[made](every_value))
                assert values_of(sent(tensor)) == values_of(plain), name


REFUSED = {
    "powers": lambda t: t**0.45,
    "a factor": lambda t: t.add(0.3, alpha=0.7),
    "columns": lambda t: t * torch.linspace(0, 1, t.shape[-1]),
    "one for each value": lambda t: t + torch.ones_like(t),
    "images": lambda t: t * torch.arange(1.0, 3).view(2, 1, 1, 1),
    "gradients": lambda t: t * torch.ones(1, requires_grad=True),
    "out": lambda t: torch.mul(t, 2, out=torch.zeros(0)),
    "into itself": lambda t: t * t,
    "channels last": lambda t: t.unsqueeze(0).to(memory_format=torch.channels_last),
    "complex": lambda t: t.to(torch.complex64),
    "floats of a byte": lambda t: t.to(torch.float8_e5m2),
    "divided by nothing": lambda t: t / 0,
    "an array": lambda t: t + torch.from_numpy(np.ones(t.shape, np.float32)),
}


@pytest.mark.parametrize("made", ["floats", "bytes", "batch"])
def test_what_looks_at_more_than_a_value_is_torchs(every_value, made):
    for name, function in REFUSED.items():
        ours, theirs = both(lambda function=function: function(MAKERS[made](every_value)))
        assert ours == theirs, name
        with side(ours=True), contextlib.suppress(RuntimeError):
            assert not is_recording(function(MAKERS[made](every_value))), name


def test_constants_that_change_later(every_value):
    def call():
        constant = PER_CHANNEL.clone()
        tensor, batch = MAKERS["floats"](every_value) * constant, MAKERS["batch"](every_value) - constant
        constant.zero_()
        return tensor, batch

    ours, theirs = both(call)
    assert ours == theirs


def test_plain_tensors_that_change_after_they_were_stacked(every_value):
    def call():
        touched = _touched(MAKERS["floats"](every_value))
        batch = torch.stack([MAKERS["floats"](every_value), touched])
        touched.zero_()
        return batch, batch * 2

    ours, theirs = both(call)
    assert ours == theirs


@pytest.mark.parametrize("length", [1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 33, 40])
def test_the_end_of_a_vector_is_as_its_body(length):
    """What is asked once for a strip of 256 values holds for images of any width."""
    names = [name for name in calls.FUNCTIONS if not calls.is_in_place(name)]
    tried = 0
    for name in names:
        for arguments in ((), (0.3,), (torch.float16,), (PER_CHANNEL,)):
            for codes in (torch.arange(256.0), torch.arange(256.0) / 255, torch.arange(256, dtype=torch.uint8)):
                strip = codes.expand(3, 1, 256).clone()
                call = calls.call_of(name, 0, (strip, *arguments), {})
                try:
                    made = None if call is None else calls.repeat(strip, *call)
                except (TypeError, RuntimeError, ValueError):
                    continue
                if not isinstance(made, torch.Tensor) or not calls.is_exact(call, strip, made):
                    continue
                parts = [calls.repeat(part.contiguous(), *call) for part in strip.split(length, dim=-1)]
                assert calls.bytes_of(torch.cat(parts, dim=-1)) == calls.bytes_of(made), (name, arguments)
                tried += 1
    assert tried > 100


class Sizes(Dataset):
    """Images by name.

    Args:
        folder: Of the files.
        function: What is done to each.
    """

    def __init__(self, folder, function):
        self.paths, self.function = sorted(map(str, folder.iterdir())), function

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        return self.function(Image.open(self.paths[index]).convert("RGB").resize((33, 21)))


SAMPLES = {
    "clone": lambda image: F.pil_to_tensor(image).clone(),
    "scaled": lambda image: F.to_tensor(image) * 2 - 1,
    "own normalize": lambda image: F.pil_to_tensor(image).float().div_(255).sub_(PER_CHANNEL).div_(PER_CHANNEL),
    "image": lambda image: F2.to_image(image).to(torch.float32) / 255,
}
BATCHES = {
    "stack": torch.stack,
    "diffusion": lambda batch: torch.stack(batch).to(memory_format=torch.contiguous_format).float(),
    "half": lambda batch: torch.stack(batch).half(),
    "scaled": lambda batch: {"pixels": torch.stack(batch).mul(0.5).clamp_(0.1, 0.4), "sizes": [1, 2]},
    "mixed": lambda batch: torch.stack([batch[0], _edited(batch[1]), *batch[2:]]).double() - 1,
}


def _edited(tensor):
    tensor[..., :5] = 1
    return tensor


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photographs")
    for number in range(6):
        (folder / f"{number}").write_bytes(encode(photo(40 + number, 50)))
    age(folder)
    return folder


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("collate", BATCHES)
@pytest.mark.parametrize("sample", SAMPLES)
def test_loaders(photographs, sample, collate, workers):
    results = []
    for cls in (DataLoader, penstock.DataLoader):
        loader = cls(
            Sizes(photographs, SAMPLES[sample]), batch_size=3, num_workers=workers, collate_fn=BATCHES[collate]
        )
        results.append(list(loader))
    assert_same(results[1], results[0])
    touched = collate == "mixed"
    assert penstock.stats(loader).native_share == pytest.approx(2 / 3 if touched else 1.0)


def test_images_are_kept_where_torchvision_keeps_them(every_value):
    def call():
        image = MAKERS["image"](every_value)
        found = {name: str(type(function(image))) for name, function in {**CONVERSIONS, **ARITHMETIC}.items()}
        with tv_tensors.set_return_type("TVTensor"):
            found["kept"] = [str(type(image.half())), str(type(image / 255))]
        return found

    ours, theirs = both(call)
    assert ours == theirs


def test_another_default_type(every_value):
    def call():
        torch.set_default_dtype(torch.float64)
        try:
            return MAKERS["bytes"](every_value) / 255, torch.stack([MAKERS["bytes"](every_value)] * 2) * 0.1
        finally:
            torch.set_default_dtype(torch.float32)

    ours, theirs = both(call)
    assert ours == theirs
    with side(ours=True):
        sender = MAKERS["bytes"](every_value) / 255
        torch.set_default_dtype(torch.float64)
        try:
            assert sent(sender).dtype == torch.float32
        finally:
            torch.set_default_dtype(torch.float32)
