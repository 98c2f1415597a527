"""What else a program gives a loader: how samples become batches, how workers begin, how they are started."""

import random

import numpy as np
import pytest
import torch
import torch.utils.data
from support.both_loaders import Opened, assert_program, write_images
from torchvision import transforms as v1
from torchvision.transforms import functional as F
from torchvision.transforms import v2

TRAIN = v1.Compose(
    [v1.RandomResizedCrop(32), v1.RandomHorizontalFlip(), v1.ToTensor(), v1.Normalize([0.5] * 3, [0.25] * 3)]
)
# Whose tensors lie in memory as Pillow's pixels do.
INTERLEAVED = v2.Compose(
    [
        v2.Resize((32, 32)),
        v2.ToImage(),
        v2.RandomHorizontalFlip(),
        v2.ToDtype(torch.float32, scale=True),
        v2.ToPureTensor(),
    ]
)

workers = pytest.mark.parametrize("workers", [0, 2])


@pytest.fixture
def paths(tmp_path):
    return write_images(tmp_path / "images")


class Flipped(Opened):
    """Flips tensors, in all ways of writing it."""

    def __getitem__(self, index):
        image = F.to_tensor(self.open(index).resize((24, 24)))
        match index % 4:
            case 0:
                image = torch.flip(image, [-1])
            case 1:
                image = torch.flip(image, dims=(1,))
            case 2:
                image = image.flip(-2)
            case 3:
                image = image.flip(dims=[2])
        return image, index


class Jittered(Opened):
    """Draws from generators that a worker_init_fn seeds."""

    def __getitem__(self, index):
        image = F.center_crop(self.open(index), 30)
        shift = random.randint(0, 5) + int(np.random.randint(0, 5))  # noqa: NPY002 - as programs do
        return F.to_tensor(image.crop((shift, shift, shift + 20, shift + 20))), index


def stack(samples):
    images, labels = zip(*samples, strict=True)
    return torch.stack(images), torch.tensor(labels)


def stack_by_name(samples):
    return {"image": torch.stack(tensors=[image for image, _ in samples], dim=0), "count": len(samples)}


def keep(samples):
    images, labels = zip(*samples, strict=True)
    return list(images), torch.tensor(labels)


def join(samples):
    return torch.cat([image[None] for image, _ in samples])


def channels_last(samples):
    return torch.stack([image for image, _ in samples]).contiguous(memory_format=torch.channels_last)


def contiguous(samples):
    return torch.stack([image for image, _ in samples]).contiguous()


def normalized(samples):
    batch = torch.stack([image for image, _ in samples])
    return (batch - batch.mean()) / batch.std()


def seed(worker):
    random.seed(100 + worker)
    np.random.seed(worker)  # noqa: NPY002 - as programs do


def program_of(dataset, workers, **options):
    """A program that makes a loader over what this function returns."""
    options = {"batch_size": 4, "num_workers": workers, **options}
    return lambda: torch.utils.data.DataLoader(dataset(), **options)


@workers
@pytest.mark.parametrize("transform", [TRAIN, INTERLEAVED], ids=["train", "interleaved"])
@pytest.mark.parametrize(
    ("collate", "share"),
    [
        (stack, 1.0),
        (stack_by_name, 1.0),
        (contiguous, 1.0),
        (keep, 1.0),
        (join, 1.0),
        (channels_last, 0.0),
        (normalized, 0.0),
    ],
)
def test_a_collate_fn(collate, share, transform, workers, paths):
    program = program_of(lambda: Opened(paths, transform), workers, collate_fn=collate, shuffle=True)
    # An image channel by channel has other strides than a batch of one.
    assert_program(program, 0.0 if collate is join and transform is INTERLEAVED else share)


@workers
@pytest.mark.parametrize("options", [{}, {"batch_size": None}, {"collate_fn": keep}], ids=["batch", "none", "keep"])
@pytest.mark.parametrize("kind", [Opened, Flipped])
def test_samples_of_single_images(kind, options, workers, paths):
    assert_program(program_of(lambda: kind(paths, INTERLEAVED), workers, **options))


@workers
def test_a_worker_init_fn(workers, paths):
    assert_program(program_of(lambda: Jittered(paths), workers, worker_init_fn=seed, shuffle=True), epochs=2)


@pytest.mark.parametrize("batch_size", [4, None])
def test_persistent_workers(batch_size, paths):
    program = program_of(lambda: Jittered(paths), 2, batch_size=batch_size, persistent_workers=True, prefetch_factor=1)
    stats = assert_program(program, epochs=3)
    assert stats.samples == 3 * len(paths)


def test_workers_that_are_started_afresh(paths):
    program = program_of(lambda: Opened(paths, TRAIN), 1, multiprocessing_context="spawn", shuffle=True)
    assert_program(program)


@workers
def test_samplers(workers, paths):
    weights = [1.0 + k % 3 for k in range(len(paths))]

    def program():
        dataset = torch.utils.data.Subset(Opened(paths, TRAIN), range(len(paths) - 1, -1, -1))
        sampler = torch.utils.data.WeightedRandomSampler(weights, 20, generator=torch.Generator().manual_seed(5))
        batches = torch.utils.data.BatchSampler(sampler, 6, drop_last=True)
        return torch.utils.data.DataLoader(dataset, batch_sampler=batches, num_workers=workers)

    assert_program(program, epochs=2)


@workers
def test_an_exception_of_the_program(workers, paths):
    class Failing(Opened):
        def __getitem__(self, index):
            if index == 6:
                raise LookupError(f"no label for {index}")
            return super().__getitem__(index)

    theirs = program_of(lambda: Failing(paths, TRAIN), workers)()
    import penstock

    with penstock.installed():
        ours = program_of(lambda: Failing(paths, TRAIN), workers)()
    for loader in (ours, theirs):
        iterator = iter(loader)
        assert len(next(iterator)[1]) == 4
        with pytest.raises(LookupError, match="no label for 6"):
            next(iterator)
        assert next(iterator)[1].tolist() == [8, 9, 10, 11]
