"""Memory that a worker's `collate_fn` takes is shared memory, and holds what torch's own would."""

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given
from support.both_loaders import Opened, assert_program, write_images
from support.cases import cases
from support.compare import assert_same
from torchvision import transforms as v1

from penstock.recording import lent, sent

SHAPES = ((1 << 20,), (3, 1 << 20), (2, 0, 1 << 20), (4, 1, 700, 700), (10,), (-1,), ("a",), (2.0, 1 << 20), ())
DTYPES = (None, torch.float32, torch.float16, torch.float64, torch.int64, torch.uint8, torch.bool, torch.complex64)
LARGE = 1 << 20


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return write_images(tmp_path_factory.mktemp("sent") / "images", 8)


def padded(batch):
    """Pad images and make their masks, as detection code does it."""
    images = [image for image, _ in batch]
    shape = [len(images), *(max(lengths) for lengths in zip(*(image.shape for image in images), strict=True))]
    tensor = torch.zeros(shape, dtype=images[0].dtype, device=images[0].device)
    mask = torch.ones((shape[0], *shape[2:]), dtype=torch.bool)
    for image, place, seen in zip(images, tensor, mask, strict=True):
        place[: image.shape[0], : image.shape[1], : image.shape[2]].copy_(image)
        seen[: image.shape[1], : image.shape[2]] = False
    return tensor, mask, torch.tensor([index for _, index in batch])


def filled(batch):
    """Join by `new`, as segmentation code does it, and keep a part of what is made."""
    images = [image for image, _ in batch]
    first = images[0]
    out = first.new(*(len(images), 3, 600, 600)).fill_(0.5)
    for image, place in zip(images, out, strict=True):
        place[..., : image.shape[-2], : image.shape[-1]].copy_(image)
    targets = torch.full((len(images), 600, 600), 255)
    scratch = torch.empty(LARGE).fill_(3)
    weights = torch.from_numpy(np.ones(3)).new_ones((LARGE, 2))
    return out[:, :2], targets, scratch[::100].clone(), weights, weights[:5], first.new_full((LARGE,), 2)


def scripted(batch):
    """Call a function that is compiled where it is needed."""

    @torch.jit.script
    def blank(height: int):
        return torch.zeros([height, 1024, 1024])

    return blank(2) + batch[0][1]


@pytest.mark.filterwarnings("ignore:.torch.jit.script")
@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("collate", [padded, filled, scripted])
def test_batches_are_torchs(collate, workers, paths):
    transform = v1.Compose([v1.Resize(350), v1.ToTensor()])

    def program():
        return torch.utils.data.DataLoader(Opened(paths, transform), 3, num_workers=workers, collate_fn=collate)

    assert_program(program, None)


def kinds(batch):
    """Tell which memory is shared, during a batch's collation."""
    large = torch.zeros(LARGE), torch.empty((2, LARGE)), batch[0][0].new_zeros(LARGE), batch[0][0].new(LARGE, 2)
    small = torch.zeros(100), torch.rand(LARGE), torch.zeros(LARGE, requires_grad=True)
    return [[is_sent_as_it_is(tensor) for tensor in some] for some in (large, small)]


def is_sent_as_it_is(tensor):
    """Whether nothing is copied when a worker sends it."""
    return tensor.is_shared() or tensor.data_ptr() in lent._own._places


class Making(Opened):
    """Takes memory of its own."""

    def __getitem__(self, index):
        image, _ = super().__getitem__(index)
        return image, is_sent_as_it_is(torch.zeros(LARGE))


def test_memory_is_shared_where_it_will_be_sent(paths):
    from penstock import DataLoader

    def collate(batch):
        return kinds(batch), [shared for _, shared in batch]

    loader = DataLoader(Making(paths, v1.ToTensor()), 2, num_workers=1, collate_fn=collate)
    for large, small in (batch[0] for batch in loader):
        assert all(large)
        assert not any(small)
    assert not any(shared for batch in loader for shared in batch[1])


def outcome(function, *arguments, **options):
    try:
        made = function(*arguments, **options)
    except Exception as error:
        return type(error), str(error)
    value = str(made) if made.device.type == "meta" else made
    return value, made.stride(), made.is_contiguous(), made.requires_grad, made.is_inference()


@given(
    name=st.sampled_from(["zeros", "ones", "full", "new_zeros", "new_ones", "new_full", "new"]),
    shape=st.sampled_from(
        [(LARGE,), (3, LARGE), (2, 0, LARGE), (4, 1, 700, 700), (10,), (-1,), ("a",), (2.0, LARGE), ()]
    ),
    dtype=st.sampled_from(DTYPES),
    value=st.sampled_from([0, 1, 255, -1, 0.5, True, 1j, torch.tensor(7)]),
    device=st.sampled_from([None, "cpu", torch.device("cpu"), "meta", "nonsense"]),
    by_name=st.booleans(),
    inference=st.booleans(),
)
@cases(60)
def test_hooked_functions_make_what_torchs_do(name, shape, dtype, value, device, by_name, inference):
    like = torch.zeros(2, dtype=torch.float16)
    options = {key: given for key, given in (("dtype", dtype), ("device", device)) if given is not None}
    owner, arguments = (torch.Tensor, [like]) if name.startswith("new") else (torch, [])
    function = getattr(owner, name)
    if name == "new":
        hook, options, arguments = sent.hooked_new(function), {}, [like, *shape]
    else:
        hook = sent.hooked(function)
        arguments.append(shape)
        if name.endswith("full"):
            if by_name:
                options["fill_value"] = value
            else:
                arguments.append(value)
    with torch.inference_mode(inference):
        expected = outcome(function, *arguments, **options)
        with sent.collating():
            found = outcome(hook, *arguments, **options)
    if name == "new":  # whose memory is whatever was there
        expected, found = ([len(each), *map(str, each[1:])] for each in (expected, found))
    assert_same(found, expected)
