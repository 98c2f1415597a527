"""Recording tensors that share memory: a part of one, another type of it, what is done to one and seen in another."""

import copy

import pytest
import torch
from support.files import encode, photo
from support.sides import age, both, describe
from torch.utils.data import Dataset
from torchvision import tv_tensors
from torchvision.io import decode_image
from torchvision.transforms.v2 import functional as F2

import penstock

pytestmark = pytest.mark.filterwarnings("ignore:.*torchcodec.*:DeprecationWarning")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    (folder / "colour").write_bytes(encode(photo(47, 61)))
    (folder / "gray").write_bytes(encode(photo(40, 33), mode="L"))
    age(folder)
    return folder


def colour_and_part(files):
    whole = decode_image(str(files / "colour"))
    return whole, whole[:, 2:9, 1:4]


CHANGES = {
    "unsqueeze_": lambda t: t.unsqueeze_(0),
    "transpose_": lambda t: t.transpose_(1, 2),
    "resize_": lambda t: t.resize_(3, 20, 20),
    "set_": lambda t: t.set_(torch.zeros(3, 20, 20, dtype=torch.uint8)),
    "data": lambda t: setattr(t, "data", torch.zeros(3, 20, 20, dtype=torch.uint8)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_another_shape_of_a_tensor_is_not_that_of_its_parts(files, change):
    def call():
        whole, part = colour_and_part(files)
        image = tv_tensors.Image(whole)
        CHANGES[change](whole)
        return whole, part, image

    ours, theirs = both(call)
    assert ours == theirs


def test_gradients_of_a_tensor_are_not_those_of_earlier_parts(files):
    def call():
        whole = F2.to_dtype(decode_image(str(files / "colour")), scale=True)
        part = whole[..., 2:9, 1:4]
        whole.requires_grad_()
        return part.requires_grad, whole.requires_grad

    ours, theirs = both(call)
    assert ours == theirs


IN_INFERENCE = {
    "flip": lambda t: t.flip(-1),
    "horizontal_flip": F2.horizontal_flip,
    "image flip": lambda t: F2.vertical_flip(F2.to_image(t)),
    "resize": lambda t: F2.resize(t, [20]),
    "resized_crop": lambda t: F2.resized_crop(t, 1, 1, 20, 20, [9, 9]),
    "stack": lambda t: torch.stack([t, t]),
    "part": lambda t: t[..., 1:5, 2:9],
}


@pytest.mark.parametrize("name", IN_INFERENCE)
def test_what_is_made_in_inference_mode(files, name):
    def call():
        tensor = decode_image(str(files / "colour"))
        with torch.inference_mode():
            return IN_INFERENCE[name](tensor)

    ours, theirs = both(call)
    assert ours == theirs


def test_copies_of_what_shares_memory_share_memory(files):
    def call():
        whole, part = copy.deepcopy(colour_and_part(files))
        part.zero_()
        return whole, part

    ours, theirs = both(call)
    assert ours == theirs


def test_images_where_tensors_are_asked_for_and_the_reverse(files):
    def call():
        gray = F2.resize(F2.to_image(decode_image(str(files / "gray"))), [20])
        pure = gray.contiguous()
        with tv_tensors.set_return_type("TVTensor"):
            kept = [gray[..., 1:4, 1:5], torch.stack([gray, gray]), gray.flip(-1)]
        floats = F2.to_dtype(gray, scale=True)
        return isinstance(pure, tv_tensors.Image), kept, F2.normalize(floats, [0.5], [0.2], inplace=True) is floats

    ours, theirs = both(call)
    assert ours == theirs


def test_rows_of_a_gray_tensor(files):
    def call():
        rows = F2.resize(decode_image(str(files / "gray")), [20, 22])[..., 2:9, :]
        return rows, F2.to_dtype(rows, scale=True), F2.horizontal_flip(rows)

    ours, theirs = both(call)
    assert ours == theirs


class Together(Dataset):
    """What shares memory, in one sample."""

    def __init__(self, paths):
        self.paths = paths

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        whole = F2.resize(decode_image(str(self.paths[index])), [20, 22])
        part, rows = whole[..., 2:9, 1:5], whole[..., 2:9, :]
        samples = {"whole first": (whole, part), "part first": (part, whole), "part": (part, part[:, 1:4, 1:3])}
        return (*samples.values(), tv_tensors.Image(whole), rows, whole)[index]


@pytest.mark.parametrize("workers", [0, 2])
def test_what_shares_memory_does_so_when_it_arrives(files, workers):
    def program():
        dataset = Together([files / "colour"] * 6)
        found = []
        for sample in torch.utils.data.DataLoader(dataset, batch_size=None, num_workers=workers):
            parts = sample if isinstance(sample, (tuple, list)) else (sample,)
            found.append([part.untyped_storage().nbytes() for part in parts])
            parts[-1].zero_()
            found.append([describe(part) for part in parts])
        return found

    expected = program()
    with penstock.installed():
        assert program() == expected
