"""`RandomErasing` with noise: torch draws it, and what its generator keeps of a draw goes on from batch to batch."""

import pytest
import torch
import torchvision.transforms as v1
from hypothesis import given
from hypothesis import strategies as st
from support.cases import cases
from support.files import encode, photo
from support.images import dataset_of
from support.record import Walk, assert_parity
from support.workers import ReferenceLoader
from torchvision import datasets as tv
from torchvision.transforms import v2

import penstock

WALK = Walk((2, None, None), draws=True)
AFTER = {
    "nothing": [],
    "no image": [v2.ToPureTensor()],
    "the same type": [v2.ToDtype(torch.float32, scale=True), v1.RandomErasing(value=0.5)],
    "noise": [v2.RandomErasing(1, value="random")],
}


def lists(size, transform):
    data = dataset_of("CIFAR10", 13, *size, transform=transform)

    def make(cls, workers=0):
        return cls(data, 3, shuffle=True, num_workers=workers)

    return make


@cases(60)
@given(
    st.sampled_from([v1, v2]),
    st.tuples(st.integers(2, 12), st.integers(2, 12)),
    st.floats(0.01, 0.5),
    st.sampled_from(sorted(AFTER)),
    st.sampled_from([0, 1, 2]),
)
def test_of_any_size(module, size, most, after, workers):
    """Of a few numbers an odd one leaves a second one, and none at all is drawn for a rectangle without pixels."""
    erasing = module.RandomErasing(0.8, scale=(0.005, most), ratio=(0.1, 9), value="random")
    make = lists(size, v2.Compose([v1.RandomHorizontalFlip(), v1.ToTensor(), erasing, *AFTER[after]]))
    assert penstock.explain(make(penstock.DataLoader)).native
    assert_parity(lambda cls: make(cls, workers), penstock.DataLoader, ReferenceLoader, WALK)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_of_other_types(dtype):
    make = lists((9, 8), v2.Compose([v2.ToImage(), v2.ToDtype(dtype, scale=True), v2.RandomErasing(1, value="random")]))
    assert penstock.explain(make(penstock.DataLoader)).native
    assert_parity(make, penstock.DataLoader, ReferenceLoader, WALK)


@pytest.mark.parametrize(
    "transform",
    [
        v1.Compose([v1.PILToTensor(), v1.RandomErasing(1, value="random")]),
        v1.Compose([v1.ToTensor(), v1.RandomErasing(1, value="random"), v1.Normalize([0.5], [0.5])]),
        v1.Compose([v1.ToTensor(), v1.RandomErasing(1, value="random"), v1.Normalize([0.5], [0.5], inplace=True)]),
    ],
)
def test_what_is_left_to_torch(transform):
    make = lists((9, 8), transform)
    assert not penstock.explain(make(penstock.DataLoader)).native
    assert_parity(make, penstock.DataLoader, ReferenceLoader, WALK)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_broken_file_takes_its_noise_back(workers, tmp_path):
    (tmp_path / "cats").mkdir()
    for k in range(12):
        content = encode(photo(30 + k, 40, seed=k))
        (tmp_path / "cats" / f"{k:02}.jpg").write_bytes(content[: len(content) // 2] if k in (3, 7) else content)
    erasing = v1.RandomErasing(1, scale=(0.01, 0.02), value="random")
    dataset = tv.ImageFolder(tmp_path, v1.Compose([v1.RandomCrop(20), v1.ToTensor(), erasing]))

    def make(cls):
        return cls(dataset, 4, num_workers=workers)

    assert penstock.explain(make(penstock.DataLoader)).native
    assert_parity(make, penstock.DataLoader, ReferenceLoader, WALK)
