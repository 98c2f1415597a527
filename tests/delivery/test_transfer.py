"""Bytes over the bus: which pipelines send them, why others do not, and that the values are torch's in every bit."""

import pytest
import torch
from support.compare import assert_same
from support.delivered import COUNT, NORMALIZE, delivered, made, torchs
from support.images import dataset_of
from torch.utils.data import ConcatDataset, default_collate
from torchvision import transforms as v1
from torchvision.transforms import v2

import penstock
from penstock.delivery.tables import CODES, Lookup, codes_of

V2 = (v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize((0.4, 0.5, 0.6), (0.1, 0.2, 0.3)))
BYTES = {
    "a table for each channel": v1.Compose([v1.RandomCrop(4), v1.ToTensor(), NORMALIZE]),
    "one table": v1.Compose([v1.RandomCrop(4), v1.ToTensor()]),
    "the second generation": v2.Compose([v2.RandomHorizontalFlip(), *V2]),
    "colour": v1.Compose([v1.ColorJitter(0.4, 0.4, 0.4, 0.1), v1.ToTensor(), NORMALIZE]),
    "a resize": v1.Compose([v1.RandomResizedCrop(4), v1.ToTensor(), NORMALIZE]),
    "a margin before the conversion": v1.Compose([v1.Pad(2, fill=7), v1.ToTensor(), NORMALIZE]),
    "a margin that a lookup changes": v1.Compose(
        [v1.Pad(2, fill=(1, 2, 3)), v1.RandomSolarize(128, p=0.5), v1.RandomInvert(), v1.ToTensor(), NORMALIZE]
    ),
    "a margin that is resized": v1.Compose([v1.Pad(2, fill=9), v1.Resize(5), v1.ToTensor(), NORMALIZE]),
    "a margin behind the conversion that is a byte's value": v1.Compose([v1.ToTensor(), v1.Pad(2, fill=1.0)]),
    "one channel": v1.Compose([v1.Grayscale(), v1.ToTensor()]),
    "half": v2.Compose([v2.ToImage(), v2.ToDtype(torch.float16, scale=True)]),
    "bytes": v1.Compose([v1.RandomCrop(4), v1.PILToTensor()]),
    "not a number": v1.Compose([v1.ToTensor(), v1.Normalize((0, 0, 0), (float("nan"), 1, 1))]),
}
VALUES = {
    "a margin behind the conversion": (
        v1.Compose([v1.ToTensor(), NORMALIZE, v1.Pad(1, fill=0.0)]),
        "a constant margin",
    ),
    "erasing": (v1.Compose([v1.ToTensor(), NORMALIZE, v1.RandomErasing(p=1)]), "what is erased with"),
    "noise": (
        v1.Compose([v1.ToTensor(), NORMALIZE, v1.RandomErasing(p=1, value="random")]),
        "noise that is erased with",
    ),
}


def row_of(loader):
    return {row.part: row for row in penstock.explain(loader).rows}["transfer"]


def check(gpu, dataset, *, as_bytes, reason="", **options):
    read, loader = delivered(gpu, dataset, transfer="uint8", **options)
    assert_same(read, torchs(dataset, **options))
    row = row_of(loader)
    assert row.native == as_bytes
    assert reason in row.reason
    images = sum(batch[0].numel() for batch in read[0])
    size = 1 if as_bytes else read[0][0][0].itemsize
    assert penstock.stats(loader).bus_bytes == images * size + COUNT * 8


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("pipeline", BYTES.values(), ids=list(BYTES))
def test_bytes_travel(gpu, pipeline, workers):
    check(gpu, dataset_of("CIFAR10", COUNT, 6, 6, transform=pipeline), as_bytes=True, num_workers=workers)


@pytest.mark.parametrize(("pipeline", "reason"), VALUES.values(), ids=list(VALUES))
def test_values_travel_and_it_is_said_why(gpu, caplog, pipeline, reason):
    check(gpu, dataset_of("CIFAR10", COUNT, 6, 6, transform=pipeline), as_bytes=False, reason=reason)
    assert [reason in record.getMessage() for record in caplog.records if record.name == "penstock"] == [True]


MIX = v2.MixUp(num_classes=10)


def mix(batch):
    return MIX(*default_collate(batch))


def test_values_travel_that_are_mixed(gpu):
    dataset = made("lowered")
    read, loader = delivered(gpu, dataset, transfer="uint8", collate_fn=mix, memory_format=torch.channels_last)
    right = torchs(dataset, collate_fn=mix)
    for (images, _), (theirs, _) in zip(read[0], right[0], strict=True):
        assert torch.equal(images, theirs)
        assert images.is_contiguous(memory_format=torch.channels_last)
    assert not row_of(loader).native
    assert "values are mixed" in row_of(loader).reason
    assert penstock.explain(loader).native


def test_parts_that_convert_alike_and_others(gpu):
    alike = [dataset_of("CIFAR10", COUNT // 2, 6, 6, transform=BYTES["one table"]) for _ in range(2)]
    check(gpu, ConcatDataset(alike), as_bytes=True)
    alike[1].transform = BYTES["a table for each channel"]
    check(gpu, ConcatDataset(alike), as_bytes=False, reason="the same bytes stand for different values")


def test_other_devices_and_ways_say_so(paths):
    data = made("lowered")
    assert "cpu" in row_of(penstock.DataLoader(data, device="cpu", transfer="uint8")).reason
    recorded = made("recorded", paths)
    assert row_of(penstock.DataLoader(recorded, num_workers=2, device="cuda", transfer="uint8")).native
    assert "without workers" in row_of(penstock.DataLoader(recorded, device="cuda", transfer="uint8")).reason
    assert "torch's own" in row_of(penstock.DataLoader(made("torch"), device="cuda", transfer="uint8")).reason


def test_what_the_user_changes_between_batches_is_seen(gpu):
    """Without workers a transform may be exchanged at any time; the bytes of the next batch stand for other values."""

    def walk(loader):
        torch.manual_seed(1)
        read = []
        for batch in loader:
            read.append(gpu.read(batch) if isinstance(loader, penstock.DataLoader) else list(batch))
            data.transform = BYTES["one table"] if len(read) % 2 else BYTES["a table for each channel"]
        gpu.current.synchronize()
        return read

    data = dataset_of("CIFAR10", COUNT, 6, 6, transform=BYTES["one table"])
    ours = walk(penstock.DataLoader(data, 4, device="cuda", transfer="uint8"))
    data.transform = BYTES["one table"]
    assert_same(ours, walk(torch.utils.data.DataLoader(data, 4)))


def test_codes_have_the_bits_of_what_they_stand_for():
    table = torch.linspace(-1, 1, CODES).repeat(2, 1)
    table[:, 3], table[:, 4] = -0.0, float("nan")
    assert codes_of(table).tolist() == [list(range(CODES))] * 2
    margins = torch.stack([table[:, 200], table[:, 3], table[:, 4]], 1)
    assert codes_of(torch.cat([table, margins], 1))[:, CODES:].tolist() == [[200, 3, 4]] * 2
    for missing in (0.0, 5.0):
        assert codes_of(torch.cat([table, torch.tensor([[missing], [-1.0]])], 1)) is None


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("lead", [(), (2,), (2, 3)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.int16])
def test_a_lookup_gathers(channels, lead, dtype):
    table = torch.arange(channels * CODES).view(channels, CODES).to(dtype)
    codes = torch.randint(0, CODES, (*lead, channels, 4, 5), dtype=torch.uint8)
    expected = torch.stack([table[c][codes[..., c, :, :].long()] for c in range(channels)], -3)
    found = Lookup(table, torch.device("cpu"))(codes)
    assert_same(found, expected)
    if len(lead) == 1 and channels > 1:
        codes = codes.contiguous(memory_format=torch.channels_last)
        assert_same(Lookup(table, torch.device("cpu"))(codes), expected.to(memory_format=torch.channels_last))
