"""`penstock show`: whose images are on the sheet, how they are made visible, what is told where there are none."""

import random
import sys

import numpy as np
import pytest
import torch
import torchvision.transforms as v1
from PIL import Image
from support.images import bare, dataset_of
from torch.utils.data import ConcatDataset, DataLoader, Dataset, IterableDataset, Subset, default_collate
from torchvision.datasets import ImageFolder
from torchvision.transforms import functional as F
from torchvision.transforms import v2
from typer.testing import CliRunner

import penstock
from penstock import show as module
from penstock.cli import app
from penstock.errors import ArgumentError, CommandError
from penstock.sheet import Sample, draw

MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)
CROP = [v1.RandomCrop(32, padding=4), v1.RandomHorizontalFlip(), v1.ToTensor()]
SIDE = 160


@pytest.fixture
def drawn(monkeypatch, tmp_path):
    """Shows a loader's samples, and returns these and what is said of them."""
    seen = {}

    def noting(samples, title, note):
        seen.update(samples=samples, note=note)
        return draw(samples, title, note)

    monkeypatch.setattr(module, "draw", noting)

    def shown(loader, samples=6, seed=3):
        said = module.show(loader, tmp_path / "sheet.png", samples=samples, seed=seed, title="some loader")
        with Image.open(tmp_path / "sheet.png") as sheet:
            assert sheet.format == "PNG"
        return seen["samples"], seen["note"], said

    return shown


def images(*steps, count=20):
    return dataset_of("CIFAR10", count, 32, 32, transform=v1.Compose([*CROP, *steps]))


def same(image, tensor):
    return np.array_equal(np.asarray(image), np.asarray(F.to_pil_image(tensor)))


def torchs(dataset, samples, seed=3, **options):
    """The batches that torch's own loader makes, and their indices."""
    torch.manual_seed(seed)
    random.seed(seed)
    sampler = DataLoader(dataset, **options).batch_sampler
    batches = []
    for indices in sampler:
        batches.append(indices)
        if sum(map(len, batches)) >= samples:
            break
    made = DataLoader(dataset, batch_sampler=batches, collate_fn=options.get("collate_fn"))
    return [index for indices in batches for index in indices], [*made]


@pytest.mark.parametrize("last", [[], [v1.RandomErasing(1.0)], [v2.ToPureTensor()]])
def test_it_shows_the_images_of_the_loader_and_those_before(drawn, last):
    dataset = images(v1.Normalize(MEAN, STD), *last)
    dataset.classes = [f"class {number}" for number in range(10)]
    samples, note, said = drawn(penstock.DataLoader(dataset, batch_size=4, shuffle=True))
    indices, batches = torchs(dataset, 6, batch_size=4, shuffle=True)
    after = torch.cat([tensors for tensors, _ in batches])
    assert len(samples) == 6
    assert "Normalize undone" in note
    assert "Normalize undone" in said
    for sample, index, tensor in zip(samples, indices, after, strict=False):
        assert np.array_equal(np.asarray(sample.before), dataset.data[index])
        values = tensor * torch.tensor(STD)[:, None, None] + torch.tensor(MEAN)[:, None, None]
        assert same(sample.after, (values.clamp(0, 1) * 255).round().to(torch.uint8))
        assert sample.text == f"{index}: class {dataset.targets[index]}"


def test_the_batch_is_the_whole_one_of_the_loader(drawn):
    mix = v2.MixUp(num_classes=10)

    def collate(batch):
        return mix(*default_collate(batch))

    dataset = images()
    samples, note, _ = drawn(penstock.DataLoader(dataset, batch_size=8, collate_fn=collate), samples=3)
    _, [(tensors, targets)] = torchs(dataset, 3, batch_size=8, collate_fn=collate)
    assert "values as they are" in note
    for sample, tensor, target in zip(samples, tensors[:3], targets, strict=False):
        assert same(sample.after, (tensor.clamp(0, 1) * 255).round().to(torch.uint8))
        assert sample.text.count("%") == min(2, int((target > 0).sum()))


class _WithBad(Dataset):
    """Gray images of their indices; some cannot be loaded."""

    def __init__(self, bad):
        self.bad = bad

    def __len__(self):
        return 6

    def __getitem__(self, index):
        if index in self.bad:
            raise OSError(f"{index} is damaged")
        return torch.full((3, 8, 8), index, dtype=torch.uint8), index


@pytest.mark.parametrize(
    ("on_error", "bad", "indices"),
    [
        ("skip", {1}, [0, 2, 3, 4, 5]),
        ("skip", {2, 3}, [0, 1, 4, 5]),  # nothing is left of a batch
        ("replace", {1, 2}, [0, 3, 3, 3, 4, 5]),
        ("replace", {5}, [0, 1, 2, 3, 4, 0]),
    ],
)
def test_bad_samples_are_left_out_or_replaced_as_the_loader_has_it(drawn, on_error, bad, indices):
    loader = penstock.DataLoader(_WithBad(bad), batch_size=2, on_error=on_error)
    samples, _, _ = drawn(loader)
    assert [sample.text for sample in samples] == [f"{index}: {index}" for index in indices]
    assert [int(np.asarray(sample.after).max()) for sample in samples] == indices


def test_a_bad_sample_is_told_where_the_loader_raises(drawn):
    with pytest.raises(CommandError, match="OSError: 1 is damaged"):
        drawn(penstock.DataLoader(_WithBad({1}), batch_size=2, on_error="raise"))


def test_values_of_an_unknown_scale_are_stretched(drawn):
    def scaled(tensor):
        return tensor * 7 - 3

    samples, note, _ = drawn(penstock.DataLoader(images(scaled), batch_size=2), samples=2)
    assert "stretched" in note
    assert all(np.asarray(sample.after).min() == 0 and np.asarray(sample.after).max() == 255 for sample in samples)


def test_bytes_and_gray_images_are_shown_as_they_are(drawn):
    gray = dataset_of("MNIST", 5, 28, 28, transform=v2.PILToTensor())
    samples, note, _ = drawn(penstock.DataLoader(gray, batch_size=5), samples=5)
    assert "bytes as they are" in note
    for index, sample in enumerate(samples):
        assert np.array_equal(np.asarray(sample.after), gray.data[index].numpy())


def test_data_sets_of_data_sets_are_looked_into(drawn):
    first, second = images(v1.Normalize(MEAN, STD)), images(v1.Normalize(MEAN, STD), count=5)
    second.targets = [9] * 5
    joined = ConcatDataset([Subset(first, [3, 1]), second])
    samples, note, _ = drawn(penstock.DataLoader(joined, batch_size=4), samples=4)
    assert "Normalize undone" in note
    expected = [first.data[3], first.data[1], second.data[0], second.data[1]]
    assert all(np.array_equal(np.asarray(s.before), pixels) for s, pixels in zip(samples, expected, strict=True))
    assert samples[3].text == "3: 9"
    second.transform = v1.Compose([*CROP, v1.Normalize(MEAN, MEAN)])
    assert "Normalize undone" not in drawn(penstock.DataLoader(joined, batch_size=4))[1], "they differ"


def test_dictionaries_lists_and_samples_without_labels(drawn):
    class Named(Dataset):
        def __init__(self, transform):
            self.transform = transform

        def __len__(self):
            return 3

        def __getitem__(self, index):
            image = np.full((8, 9, 3), 40 * index, np.uint8)
            return {"name": f"image {index}", "pixels": self.transform(image) if self.transform else image}

    samples, _, _ = drawn(penstock.DataLoader(Named(v1.ToTensor()), batch_size=3))
    assert [sample.text for sample in samples] == ["0: image 0", "1: image 1", "2: image 2"]
    assert [sample.before.size for sample in samples] == [(9, 8)] * 3
    separate = penstock.DataLoader(images(), batch_size=2, collate_fn=lambda batch: [image for image, _ in batch])
    samples, _, _ = drawn(separate, samples=2)
    assert [sample.text for sample in samples] == ["0", "1"]


def test_what_is_before_may_be_unknown(drawn):
    class Own(Dataset):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            return torch.zeros(3, 4, 4), index

    samples, _, _ = drawn(penstock.DataLoader(Own(), batch_size=2))
    assert [sample.before for sample in samples] == [None, None]


def test_a_sheet_has_each_pair_side_by_side(tmp_path):
    rng = np.random.default_rng(0)
    made = [Image.fromarray(rng.integers(0, 256, (32, 32, 3), np.uint8)) for _ in range(4)]
    texts = ["plain", "über 東京 \n" + "long " * 100]
    samples = [Sample(text, *made[2 * k : 2 * k + 2]) for k, text in enumerate(texts)]
    sheet = np.asarray(draw(samples, "title", "note"))
    large = [np.asarray(image.resize((SIDE, SIDE), Image.Resampling.NEAREST)) for image in made]
    windows = np.lib.stride_tricks.sliding_window_view(sheet[..., 0], (SIDE, SIDE))
    found = [np.argwhere((windows[::1, ::8] == each[..., 0]).all((2, 3))) for each in large]
    assert [len(places) for places in found] == [1] * 4
    assert len({int(places[0][0]) for places in found}) == 1, "two pairs stand in one row"
    assert np.all(np.diff([int(places[0][1]) for places in found]) > 0)


class Stream(IterableDataset):
    def __iter__(self):
        return iter(())


def fails(image):
    raise LookupError("no such\nimage")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: 3, "show\\(\\) takes a DataLoader, got int"),
        (lambda: penstock.DataLoader(Stream()), "samples that have indices can be shown"),
        (lambda: penstock.DataLoader(images(), batch_size=None), "samples that have indices can be shown"),
        (lambda: penstock.DataLoader([1, 2, 3]), "the loader's batches hold no images"),
        (lambda: penstock.DataLoader([]), "the loader has no samples"),
        (lambda: penstock.DataLoader(images(fails)), "batches cannot be made: LookupError: no such image"),
    ],
)
def test_what_cannot_be_shown_ends_in_one_line(make, message, tmp_path):
    with pytest.raises(CommandError, match=message) as raised:
        module.show(make(), tmp_path / "sheet.png", samples=2, seed=0, title="")
    assert "\n" not in str(raised.value)
    assert raised.value.exit_code == 1


@pytest.fixture
def show(tmp_path, monkeypatch):
    """Runs `penstock show` in a folder of its own."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(app, ["show", *map(str, arguments)])


def test_a_folder_of_images(show, tmp_path):
    for kind in ("cat", "dog"):
        (tmp_path / "photos" / "train" / kind).mkdir(parents=True)
        for number in range(2):
            Image.new("RGB", (60, 50), (50 * number, 0, 0)).save(tmp_path / "photos" / "train" / kind / f"{number}.png")
    for folder in ("photos", "photos/train"):
        result = show("--data", folder, "--samples", 3, "--out", "photos.png")
        assert result.exit_code == 0, result.output
        assert result.stdout == "3 samples in photos.png, Normalize undone\n"
    dataset = ImageFolder(tmp_path / "photos" / "train")
    assert penstock.show.loader_over("photos", "").dataset.classes == dataset.classes


def test_a_loader_of_the_users(show, tmp_path):
    (tmp_path / "own_sheet.py").write_text(
        "from torchvision.datasets import FakeData\n"
        "from torchvision.transforms import ToTensor\n"
        "def make(DataLoader):\n"
        "    return DataLoader(FakeData(4, (3, 8, 8), transform=ToTensor()), batch_size=2)\n"
    )
    result = show("--module", "own_sheet.py:make")
    assert result.exit_code == 0, result.output
    assert result.stdout == "4 samples in sheet.png, values as they are\n"
    assert (tmp_path / "sheet.png").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give either --data FOLDER or --module FILE.py:FUNCTION"),
        (["--data", "a", "--module", "b.py:c"], "give either --data FOLDER or --module FILE.py:FUNCTION"),
        (["--data", "nowhere"], "--data: there is no folder nowhere, and of names there are digits,"),
        (["--data", "."], "--data: Couldn't find any class folder in ."),
        (["--module", "make"], "--module is FILE.py:FUNCTION, got make"),
        (["--module", "missing.py:make"], "there is no file missing.py"),
        (["--data", ".", "--out", "nowhere/sheet.png"], "--out: there is no folder nowhere"),
    ],
)
def test_wrong_arguments(show, arguments, message):
    result = show(*arguments)
    assert result.exit_code == ArgumentError.exit_code, result.output
    assert result.stderr.startswith(f"penstock show: {message}")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("option", [("--samples", 0), ("--samples", 1001), ("--seed", 1 << 64), ("--seed", -(1 << 64))])
def test_numbers_out_of_range(show, option):
    result = show("--data", ".", *option)
    assert result.exit_code == 2
    assert f"Invalid value for '{option[0]}'" in result.stderr


def test_a_data_set_of_no_pillow_images_still_shows(drawn):
    dataset = bare("CIFAR10", v2.Compose([v2.ToImage(), v2.RandomCrop(6)]))
    dataset.data, dataset.targets = np.arange(2 * 8 * 8 * 3, dtype=np.uint8).reshape(2, 8, 8, 3), [0, 1]
    samples, _, _ = drawn(penstock.DataLoader(dataset, batch_size=2))
    assert [sample.after.size for sample in samples] == [(6, 6)] * 2
