"""`rng="index"`: numbers of a sample's own, against another implementation, and whatever they must not depend on."""

import math
import random

import numpy as np
import pytest
import torch
import torchvision.transforms as v1
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from support.cases import cases
from support.compare import assert_same
from support.images import Images, bare, dataset_of
from torch.utils.data import (
    BatchSampler,
    ConcatDataset,
    DistributedSampler,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    Subset,
    default_collate,
)
from torchvision.transforms import functional as F
from torchvision.transforms import v2

import penstock
from penstock import DataLoader, _native

WORD = 1 << 32
ROUNDS = 10


def philox(counter: np.ndarray, key: tuple[int, int]) -> np.ndarray:
    """Words of counters of shape (n, 4), as the paper has them (Salmon et al., 2011); uint32 of the same shape."""
    words = counter.astype(np.uint64)
    first, second = key
    for _ in range(ROUNDS):
        a, b, c, d = words.T
        low, high = a * np.uint64(0xD2511F53), c * np.uint64(0xCD9E8D57)
        mask, half = np.uint64(WORD - 1), np.uint64(32)
        columns = (high >> half ^ b ^ np.uint64(first), high & mask, low >> half ^ d ^ np.uint64(second), low & mask)
        words = np.stack(columns, 1)
        first, second = (first + 0x9E3779B9) % WORD, (second + 0xBB67AE85) % WORD
    return words.astype(np.uint32)


def words_of(seed: int, epoch: int, index: int, count: int, generator: int = 0) -> np.ndarray:
    """The first words of a sample."""
    counters = [[index % WORD, index // WORD, block, generator] for block in range(-(-count // 4))]
    return philox(np.array(counters).reshape(-1, 4), (seed, epoch)).ravel()[:count]


def augmented(count: int, *first, transform=None) -> torch.utils.data.Dataset:
    """CIFAR's images, which are cropped and flipped before anything else."""
    steps = [v1.RandomCrop(32, padding=4), v1.RandomHorizontalFlip(), v1.ToTensor(), *first]
    return dataset_of("CIFAR10", count, 32, 32, transform=transform or v1.Compose(steps))


def images_of(loader) -> torch.Tensor:
    """All images of an epoch."""
    return torch.cat([images for images, _ in loader])


words = st.integers(0, WORD - 1)


def test_the_other_implementation_gives_the_published_answers():
    """Of Random123, as in the core's own test."""
    pi = [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344]
    assert philox(np.array([pi]), (0xA4093822, 0x299F31D0)).tolist() == [
        [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1]
    ]


@cases(100)
@given(seed=words, epoch=words, index=st.integers(0, 2**63 - 1), generator=st.integers(0, 1), count=st.integers(1, 40))
def test_words_are_those_of_another_implementation(seed, epoch, index, generator, count):
    ours = _native.Generator.of_samples(seed, epoch, generator)
    ours.begin(index)
    assert np.array_equal(np.frombuffer(ours.words(count), np.uint32), words_of(seed, epoch, index, count, generator))
    ours.begin(index)
    assert np.frombuffer(ours.words(1), np.uint32) == words_of(seed, epoch, index, 1, generator)


def test_numbers_of_samples_have_no_state():
    with pytest.raises(ValueError, match="have no state"):
        _native.Generator.of_samples(0, 0, 0).python_state()
    with pytest.raises(ValueError, match="as many samples as indices"):
        _native.Batch([], [], _native.Generator(0), None, [1])


@pytest.mark.parametrize(("seed", "epochs"), [(0, 1), (7, 3), (WORD - 1, 2)])
def test_crops_and_flips_are_made_of_the_words_in_order(seed, epochs):
    dataset = augmented(12)
    loader = DataLoader(dataset, batch_size=5, rng="index", seed=seed)
    for epoch in range(epochs):
        images = images_of(loader)
        for index, image in enumerate(images):
            top, left, flip = (int(word) for word in words_of(seed, epoch, index, 3))
            expected = F.crop(F.pad(Image.fromarray(dataset.data[index]), 4), top % 9, left % 9, 32, 32)
            if np.float32(flip % 2**24) / np.float32(2**24) < 0.5:
                expected = F.hflip(expected)
            assert torch.equal(image, F.to_tensor(expected)), (epoch, index)


def test_the_librarys_draws_come_from_the_first_two_words():
    erasing = v1.RandomErasing(1.0, scale=(0.1, 0.2), ratio=(0.5, 2.0), value="random")
    dataset = dataset_of("CIFAR10", 20, 32, 32, transform=v1.Compose([v1.ToTensor(), erasing]))
    images = images_of(DataLoader(dataset, batch_size=8, rng="index", seed=3))
    for index, image in enumerate(images):
        drawn = words_of(3, 0, index, 5)
        state = torch.Generator().manual_seed(0).get_state()
        seeded = np.random.RandomState(drawn[:2]).get_state()[1]
        state[24 : 24 + 624 * 8] = torch.from_numpy(seeded.astype(np.uint64)).view(torch.uint8)
        lent = torch.Generator()
        lent.set_state(state)
        share, ratio = (float(word % 2**24) / 2**24 for word in drawn[1:3])
        area = 1024 * (0.1 + 0.1 * share)
        aspect = math.exp(math.log(0.5) + (math.log(2.0) - math.log(0.5)) * ratio)
        height, width = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        noise = torch.empty(3, height, width).normal_(generator=lent)
        top, left = int(drawn[3]) % (33 - height), int(drawn[4]) % (33 - width)
        expected = F.to_tensor(Image.fromarray(dataset.data[index]))
        expected[:, top : top + height, left : left + width] = noise
        assert torch.equal(image, expected), index


def test_what_python_draws_has_words_of_its_own():
    choices = [v1.RandomHorizontalFlip(1.0), v1.RandomVerticalFlip(1.0), v1.RandomInvert(1.0)]
    steps = v1.Compose([v1.RandomChoice(choices), v1.RandomHorizontalFlip(), v1.ToTensor()])
    dataset = dataset_of("CIFAR10", 30, 32, 32, transform=steps)
    random.seed(1)
    before = random.getstate()
    images = images_of(DataLoader(dataset, batch_size=30, rng="index", seed=5))
    assert random.getstate() == before
    for index, image in enumerate(images):
        high, low = (int(word) for word in words_of(5, 0, index, 2, generator=1))
        chosen = math.floor(((high >> 5) * 2**26 + (low >> 6)) / 2**53 * len(choices))
        expected = choices[chosen](Image.fromarray(dataset.data[index]))
        # Its own first word is that of the transform that was chosen.
        if (int(words_of(5, 0, index, 2)[1]) % 2**24) / 2**24 < 0.5:
            expected = F.hflip(expected)
        assert torch.equal(image, F.to_tensor(expected)), index


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """JPEG files of different sizes, one of which only Pillow decodes."""
    root = tmp_path_factory.mktemp("by_index")
    rng = np.random.default_rng(0)
    for number in range(12):
        pixels = rng.integers(0, 256, (40 + number, 50, 3), np.uint8)
        Image.fromarray(pixels).save(root / f"{number:02}.jpg", progressive=number % 3 == 0)
    Image.fromarray(pixels).convert("CMYK").save(root / "11.jpg")
    return root


def data_of(kind: str, folder) -> torch.utils.data.Dataset:
    steps = v1.Compose([v2.RandomResizedCrop(24), v2.ColorJitter(0.4, 0.4), v2.TrivialAugmentWide(), v1.ToTensor()])
    if kind == "files":
        return Images([str(path) for path in sorted(folder.iterdir())], range(12), steps)
    if kind == "joined":
        return ConcatDataset([augmented(5), Subset(augmented(9), [8, 3, 3, 1, 0, 5, 7])])
    return augmented(12, v1.RandomErasing(value="random"))


KINDS = ["arrays", "files", "joined"]


@pytest.mark.parametrize("kind", KINDS)
@cases(40)
@given(
    workers=st.integers(0, 2),
    size=st.integers(1, 14),
    ranks=st.sampled_from([1, 2, 4]),
    epoch=st.integers(0, 3),
    shuffle=st.booleans(),
)
def test_workers_batches_ranks_and_orders_change_no_sample(folder, kind, workers, size, ranks, epoch, shuffle):
    dataset = data_of(kind, folder)
    everything = DataLoader(dataset, batch_size=3, rng="index", seed=2)
    for _ in range(epoch + 1):
        expected = images_of(everything)
    seen = []
    for rank in range(ranks):
        sampler = DistributedSampler(dataset, ranks, rank, shuffle=shuffle)
        sampler.set_epoch(epoch)
        loader = DataLoader(
            dataset, batch_size=size, sampler=sampler, num_workers=workers, rng="index", seed=2, shuffle=None
        )
        indices = [*sampler]
        assert torch.equal(images_of(loader), expected[indices])
        seen += indices
    assert sorted(seen) == list(range(12)), "of twelve samples each is one rank's"


@cases(60)
@given(
    workers=st.integers(0, 2),
    persistent=st.booleans(),
    size=st.integers(1, 7),
    epoch=st.integers(0, 2),
    stop=st.integers(0, 12),
    shuffle=st.booleans(),
)
def test_a_state_of_any_batch_goes_on_with_the_same_samples(workers, persistent, size, epoch, stop, shuffle):
    def made():
        generator = torch.Generator().manual_seed(4)
        return DataLoader(
            augmented(12), size, shuffle=shuffle, num_workers=workers, persistent_workers=persistent and workers > 0,
            generator=generator, rng="index", seed=6,
        )  # fmt: skip

    whole = made()
    expected = [[*whole] for _ in range(epoch + 2)]
    loader = made()
    for _ in range(epoch):
        assert len([*loader]) == len(loader)
    iterator = iter(loader)
    stop = min(stop, len(loader))
    for _ in range(stop):
        next(iterator)
    state = loader.state_dict()
    assert state["epoch"] == epoch
    resumed = made()
    resumed.load_state_dict(state)
    if stop < len(loader):
        assert_same([*resumed], expected[epoch][stop:])
    assert_same([*resumed], expected[epoch + 1])


@pytest.mark.parametrize("number", [np.int64, torch.tensor])
def test_an_epoch_of_numpys_or_torchs_is_told_as_well(number):
    dataset = augmented(8)
    told, alike = (DistributedSampler(dataset, 2, 0, shuffle=False) for _ in range(2))
    told.set_epoch(number(5))
    alike.set_epoch(5)
    ours, theirs = ([*DataLoader(dataset, 2, sampler=each, rng="index")] for each in (told, alike))
    assert_same(ours, theirs)


def test_a_state_with_a_wrong_epoch_loads_nothing():
    loader = DataLoader(augmented(8), 2, shuffle=True, rng="index")
    next(iter(loader))
    before = torch.get_rng_state()
    with pytest.raises(TypeError):
        loader.load_state_dict({**loader.state_dict(), "epoch": "first"})
    assert torch.equal(torch.get_rng_state(), before)
    assert loader.state_dict()["epoch"] == 0
    assert len([*loader]) == len(loader)


def test_epochs_are_counted_with_the_iterators_and_kept_in_a_fresh_state():
    loader = DataLoader(augmented(4), batch_size=4, num_workers=1, persistent_workers=True, rng="index")
    assert loader.state_dict()["epoch"] == 0
    made = [next(iter(loader))[0] for _ in range(3)]
    assert len({image.numpy().tobytes() for image in made}) == 3
    again = DataLoader(augmented(4), batch_size=2, rng="index")
    for images in made:
        assert torch.equal(images_of(again), images)
    again.load_state_dict(DataLoader(augmented(4), batch_size=2, rng="index").state_dict())
    assert torch.equal(images_of(again), made[0])


@pytest.mark.parametrize("workers", [0, 2])
def test_the_samplers_epoch_counts(workers):
    class Own(SequentialSampler):
        epoch = 0

        def __iter__(self):
            yield from super().__iter__()
            self.epoch += 5

    plain = DataLoader(augmented(6), batch_size=6, rng="index")
    expected = [images_of(plain) for _ in range(6)]
    dataset = augmented(6)
    loader = DataLoader(
        dataset, batch_size=4, sampler=Own(dataset), num_workers=workers, persistent_workers=workers > 0, rng="index"
    )
    assert torch.equal(images_of(loader), expected[0])
    assert torch.equal(images_of(loader), expected[5])


def test_negative_indices_are_those_of_the_same_samples():
    dataset = augmented(6)
    expected = images_of(DataLoader(dataset, batch_size=6, rng="index"))
    loader = DataLoader(dataset, batch_sampler=[[-1, np.int64(0)], [torch.tensor(-6)]], rng="index")
    assert torch.equal(images_of(loader), expected[[5, 0, 0]])


@pytest.mark.parametrize("workers", [0, 2])
def test_only_what_torch_draws_for_the_order_is_drawn(workers):
    plain = dataset_of("CIFAR10", 8, 32, 32, transform=v1.ToTensor())
    loaders = [
        DataLoader(augmented(8), 4, shuffle=True, num_workers=workers, rng="index"),
        torch.utils.data.DataLoader(plain, 4, shuffle=True, num_workers=workers),
    ]
    found = []
    for loader in loaders:
        torch.manual_seed(3)
        found.append(([targets.tolist() for _, targets in loader], torch.get_rng_state().tolist()))
    assert found[0] == found[1]


def test_other_seeds_are_other_numbers_and_torchs_are_others_still():
    made = [
        images_of(DataLoader(augmented(20), batch_size=20, rng="index", seed=seed)).numpy().tobytes()
        for seed in range(3)
    ]
    torch.manual_seed(0)
    made.append(images_of(DataLoader(augmented(20), batch_size=20)).numpy().tobytes())
    assert len(set(made)) == 4


def test_what_takes_a_bad_samples_place_has_its_own_numbers(folder, tmp_path):
    dataset = data_of("files", folder)
    expected = images_of(DataLoader(dataset, batch_size=12, rng="index"))
    dataset.arrays[3] = str(tmp_path / "missing.jpg")
    for workers in (0, 2):
        loader = DataLoader(dataset, batch_size=5, num_workers=workers, rng="index", on_error="replace")
        assert torch.equal(images_of(loader), expected[[0, 1, 2, 4, 4, 5, 6, 7, 8, 9, 10, 11]])


# What is said of each offset, and of pairs of them, of this many samples.
SAMPLES, EPOCHS, OFFSETS = 3000, 3, 9


def chi_square(counts: np.ndarray) -> float:
    """How unequal counts are that should be equal, in standard deviations of a uniform draw's."""
    expected = counts.sum() / counts.size
    freedom = counts.size - 1
    return float((((counts - expected) ** 2 / expected).sum() - freedom) / math.sqrt(2 * freedom))


def test_offsets_of_crops_are_distributed_evenly():
    """Alone, together, and beside those of the next sample and of the next epoch; four deviations are one in 16,000."""
    rows, columns = np.meshgrid(np.arange(32), np.arange(32), indexing="ij")
    image = np.stack([rows, columns, rows], -1).astype(np.uint8)
    dataset = bare("CIFAR10", v2.Compose([v1.RandomCrop(24), v2.PILToTensor()]))
    dataset.data, dataset.targets = np.broadcast_to(image, (SAMPLES, 32, 32, 3)), [0] * SAMPLES
    loader = DataLoader(dataset, batch_size=500, rng="index", seed=11)
    offsets = np.stack([images_of(loader)[:, :2, 0, 0].numpy() for _ in range(EPOCHS)]).astype(int)
    assert offsets.max() == OFFSETS - 1
    pairs = {
        "row and column": (offsets[..., 0], offsets[..., 1]),
        "rows of neighbours": (offsets[:, :-1, 0], offsets[:, 1:, 0]),
        "column and the next row": (offsets[:, :-1, 1], offsets[:, 1:, 0]),
        "rows of epochs": (offsets[:-1, :, 0], offsets[1:, :, 0]),
    }
    for name, (first, second) in pairs.items():
        counts = np.bincount((first * OFFSETS + second).ravel(), minlength=OFFSETS**2)
        assert -4 < chi_square(counts) < 4, name


MIX = v2.MixUp(num_classes=10)


def mixed(batch):
    return MIX(*default_collate(batch))


class Stream(IterableDataset):
    def __iter__(self):
        return iter(())


def own(image):
    return torch.from_numpy(np.array(image))


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: (augmented(4), {"collate_fn": mixed}), "its collate_fn draws for a whole batch"),
        (lambda: (augmented(4, transform=own), {}), "own.*code that penstock does not know"),
        (lambda: (augmented(4), {"batch_size": None}), "samples are not batched"),
        (lambda: (Stream(), {}), "an IterableDataset"),
    ],
)
def test_what_is_not_native_as_a_whole_raises_as_explain_says(make, reason, workers):
    dataset, options = make()
    loader = DataLoader(dataset, num_workers=workers, rng="index", **options)
    with pytest.raises(ValueError, match=f"rng='index' needs a loader that is native as a whole: .*{reason}"):
        iter(loader)
    report = penstock.explain(loader)
    assert (report.native, report.rng, report.way) == (False, "index", "torch")
    assert "nobody makes these batches" in str(report)
    assert any(row.part == "rng" and not row.native for row in report.rows)


@pytest.mark.parametrize("workers", [0, 2])
def test_indices_that_are_no_whole_numbers_raise_at_their_batch(workers):
    class Named(Images):
        def locate(self, index):
            return super().locate(int(index))

    dataset = Named([np.zeros((8, 8, 3), np.uint8)] * 4, range(4), v1.ToTensor())
    batches = [[0, 1], [2, "3"], [3]]
    loader = DataLoader(dataset, batch_sampler=batches, num_workers=workers, rng="index")
    iterator = iter(loader)
    next(iterator)
    with pytest.raises(ValueError, match="rng='index' needs a sampler of whole numbers, and it gave '3'"):
        next(iterator)
    assert next(iterator)[1].tolist() == [3]


def test_a_transform_that_is_exchanged_between_batches_raises_too():
    dataset = augmented(4)
    loader = DataLoader(dataset, rng="index")
    iterator = iter(loader)
    next(iterator)
    dataset.transform = own
    with pytest.raises(ValueError, match="code that penstock does not know"):
        next(iterator)


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"rng": "philox"}, ValueError, "rng should be one of 'torch', 'index', got 'philox'"),
        ({"seed": 1}, ValueError, "seed is for rng='index'"),
        ({"rng": "index", "seed": -1}, ValueError, "seed should be from 0 to 4294967295"),
        ({"rng": "index", "seed": WORD}, ValueError, "seed should be from 0 to 4294967295"),
        ({"rng": "index", "seed": 0.5}, TypeError, "seed should be a whole number, got 0.5"),
    ],
)
def test_options_that_mean_nothing_are_refused(options, kind, message):
    with pytest.raises(kind, match=message):
        DataLoader(augmented(4), **options)


class Own(DataLoader):
    """A loader of the user's, which has something of its own under names that are ours as well."""

    def __init__(self, *given, **options):
        super().__init__(*given, **options)
        self.rng, self.seed = np.random.default_rng(3), "a word"


def test_attributes_of_a_subclass_ask_for_nothing():
    torch.manual_seed(1)
    expected = list(torch.utils.data.DataLoader(augmented(8), 4))
    torch.manual_seed(1)
    loader = Own(augmented(8), 4)
    assert_same(list(loader), expected)
    assert penstock.stats(loader).native_share == 1


def test_an_epoch_that_is_no_word_is_refused():
    dataset = augmented(4)
    sampler = DistributedSampler(dataset, 1, 0)
    loader = DataLoader(dataset, sampler=sampler, rng="index")
    sampler.set_epoch(-1)
    with pytest.raises(ValueError, match="epochs from 0 to 4294967295"):
        iter(loader)


def test_states_of_other_numbers_are_refused():
    state = DataLoader(augmented(4), rng="index", seed=1).state_dict()
    for options in ({}, {"rng": "index", "seed": 2}):
        with pytest.raises(ValueError, match=r"this state is of a loader with (rng|seed) = "):
            DataLoader(augmented(4), **options).load_state_dict(state)


def test_explain_and_stats_say_which_numbers():
    loader = DataLoader(augmented(4), rng="index", seed=9)
    assert penstock.explain(loader).rng == "index"
    assert "by seed 9, epoch and index" in str(penstock.explain(loader))
    assert len(images_of(loader)) == 4
    assert penstock.stats(loader).rng == "index"
    assert "by index" in str(penstock.stats(loader))
    torchs = DataLoader(augmented(4))
    assert len(images_of(torchs)) == 4
    assert penstock.explain(torchs).rng == penstock.stats(torchs).rng == "torch"


def test_a_random_sampler_of_batches_that_are_iterators_is_listed():
    dataset = augmented(6)
    expected = images_of(DataLoader(dataset, batch_size=6, rng="index"))
    batches = [*BatchSampler(RandomSampler(dataset), 4, False)]
    loader = DataLoader(dataset, batch_sampler=[iter(batch) for batch in batches], rng="index")
    assert torch.equal(images_of(loader), expected[[index for batch in batches for index in batch]])
