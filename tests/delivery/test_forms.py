"""Types, memory formats and bytes: what arrives is what torch's `to` makes of torch's batch, in every bit."""

import pytest
import torch
from support.compare import assert_same
from support.delivered import COUNT, delivered, torchs
from support.images import dataset_of
from torch.utils.data import ConcatDataset
from torchvision import transforms as v1

import penstock

FORMS = [
    {},
    {"dtype": torch.float16},
    {"memory_format": torch.channels_last},
    {"dtype": torch.bfloat16, "memory_format": torch.channels_last},
    {"dtype": torch.float64, "memory_format": torch.contiguous_format},
]


def as_torchs(batches, dtype=None, memory_format=torch.preserve_format):
    return [
        [
            [part.to(dtype=dtype, memory_format=memory_format) if part.ndim == 4 else part for part in batch]
            for batch in epoch
        ]
        for epoch in batches
    ]


@pytest.mark.parametrize("transfer", [None, "uint8"])
@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("workers", [0, 2])
def test_forms(gpu, dataset, workers, form, transfer):
    read, loader = delivered(gpu, dataset, num_workers=workers, transfer=transfer, **form)
    right = as_torchs(torchs(dataset, num_workers=workers), **form)
    assert_same(read, right)
    as_bytes = transfer is not None and (dataset.way == "lowered" or (dataset.way == "recorded" and workers > 0))
    stats = penstock.stats(loader)
    values = sum(part.nbytes for batch in right[0] for part in batch)
    targets = sum(part.nbytes for batch in right[0] for part in batch if part.ndim != 4)
    assert stats.delivered_bytes == values
    if as_bytes:
        assert stats.bus_bytes == sum(part.numel() for batch in right[0] for part in batch if part.ndim == 4) + targets
    row = {row.part: row for row in penstock.explain(loader).rows}.get("transfer")
    assert (row is not None) == (transfer is not None)
    assert row is None or row.native == as_bytes


@pytest.mark.parametrize("transfer", [None, "uint8"])
@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("workers", [0, 2])
def test_noise_that_is_erased_with_is_converted_as_well(gpu, workers, form, transfer):
    """Also where it is in some of a batch's images only, and a table makes the others."""
    noisy = v1.Compose([v1.ToTensor(), v1.RandomErasing(p=0.7, value="random")])
    parts = [dataset_of("CIFAR10", COUNT, 6, 6, transform=transform) for transform in (noisy, v1.ToTensor())]
    dataset = ConcatDataset(parts)
    read, loader = delivered(gpu, dataset, num_workers=workers, transfer=transfer, **form)
    assert_same(read, as_torchs(torchs(dataset, num_workers=workers), **form))
    assert penstock.stats(loader).native_share == 1
