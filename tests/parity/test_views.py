"""Callables of the user's own that make several views of an image are lowered: each view is an output of its own."""

import numpy as np
import pytest
import torch
import torchvision.transforms as v1
from hypothesis import given
from hypothesis import strategies as st
from support.cases import cases
from support.files import encode, photo
from support.images import dataset_of
from support.own_transforms import Views
from support.pipelines import pipelines
from support.record import Walk, assert_parity
from support.workers import ForkingReferenceLoader, ReferenceLoader
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

import penstock

CROPS = v1.Compose([v1.RandomResizedCrop(6), v1.RandomHorizontalFlip(), v1.ToTensor()])
SMALL = v1.Compose([v1.RandomCrop(4), v1.RandomGrayscale(0.5), v1.ToTensor(), v1.Normalize([0.5] * 3, [0.25] * 3)])
WORKERS = {"0 workers": {}, "2 workers": {"num_workers": 2}}


class Multicrop:
    """Large crops and a number of small ones, of which each call makes a list."""

    def __init__(self, count=3):
        self.count = count

    def __call__(self, image):
        crops = []
        crops.append(CROPS(image))
        crops.append(CROPS(image))
        for _ in range(self.count):
            crops.append(SMALL(image))
        return crops


def query_and_key(image):
    query = CROPS(image)
    key = CROPS(image)
    return query, key


def twice(image):
    made = CROPS(image)
    return [made, made]


def in_turns(image):
    first = v1.RandomCrop(4)(image)
    second = v1.RandomCrop(5)(image)
    return [v1.ToTensor()(first), v1.ToTensor()(second)]


def of_a_view(image):
    crop = v1.RandomCrop(5)(image)
    return [v1.ToTensor()(crop), SMALL(crop)]


FORMS = {
    "two": query_and_key,
    "many": Multicrop(),
    "named": lambda image: {"weak": CROPS(image), "strong": SMALL(image) * 2},
    "the image itself": lambda image: [v1.functional.to_tensor(image), CROPS(image)],
    "one in a list": lambda image: [CROPS(image)],
    "bytes": Views([v1.PILToTensor(), v2.Compose([v2.RandomInvert(), v2.ToImage()])]),
}
REFUSED = {
    "another order": lambda image: (CROPS(image), SMALL(image))[::-1],
    "one of them alone": lambda image: [CROPS(image), SMALL(image)][0],
    "one of them twice": twice,
    "in turns": in_turns,
    "of a view": of_a_view,
    "nested": lambda image: [[CROPS(image)], SMALL(image)],
    "and a number": lambda image: [CROPS(image), 1],
    "stacked": lambda image: torch.stack([CROPS(image), CROPS(image)]),
    "of two types": lambda image: [CROPS(image), v1.functional.pil_to_tensor(image)],
    "one raises": lambda image: [CROPS(image), v1.Normalize([0.5], [0.5])(image)],
}


def compared(make_dataset, *, native=True, **options):
    def make(cls):
        return cls(make_dataset(), 3, shuffle=True, **options)

    report = penstock.explain(make(penstock.DataLoader))
    assert (report.way == "lowered") is native, str(report)
    assert_parity(make, penstock.DataLoader, ForkingReferenceLoader, Walk((None, 2)), seed=3)


@pytest.mark.parametrize("workers", WORKERS.values(), ids=WORKERS)
@pytest.mark.parametrize("transform", FORMS.values(), ids=FORMS)
def test_forms(transform, workers):
    compared(lambda: dataset_of("CIFAR10", 14, 8, 8, transform=transform), **workers)


@pytest.mark.parametrize("workers", WORKERS.values(), ids=WORKERS)
@pytest.mark.parametrize("transform", REFUSED.values(), ids=REFUSED)
def test_what_is_left_to_torch(transform, workers):
    compared(lambda: dataset_of("CIFAR10", 14, 8, 8, transform=transform), native=False, **workers)


class Changing:
    """Its views stay the same, but not what holds them."""

    def __init__(self):
        self.key, self.held = "a", True

    def __call__(self, image):
        view = CROPS(image)
        return {self.key: view} if self.held else [view]


class Moving:
    """The same transforms, but in another view."""

    def __init__(self):
        self.first = True

    def __call__(self, image):
        one = SMALL(image)
        if self.first:
            one = one * 2
        other = SMALL(image)
        return [one, other if self.first else other * 2]


EDITS = {
    "key": (Changing, lambda loader: vars(loader.dataset.transform).update(key="b")),
    "what holds them": (Changing, lambda loader: vars(loader.dataset.transform).update(held=False)),
    "which view": (Moving, lambda loader: vars(loader.dataset.transform).update(first=False)),
}


@pytest.mark.parametrize("workers", WORKERS.values(), ids=WORKERS)
@pytest.mark.parametrize(("make_transform", "edit"), EDITS.values(), ids=EDITS)
def test_late_edits(make_transform, edit, workers):
    def make(cls):
        return cls(dataset_of("CIFAR10", 14, 8, 8, transform=make_transform()), 3, **workers)

    assert penstock.explain(make(penstock.DataLoader)).way == "lowered"
    assert_parity(make, penstock.DataLoader, ForkingReferenceLoader, Walk((None, None), edit=edit), seed=3)


def test_views_that_raise_for_some_images(folder):
    """The draws of the views before are made; the sample is named."""

    def views(image):
        return [CROPS(image), v1.ToTensor()(v1.RandomCrop(75)(image)), CROPS(image)]

    def whole(image):
        return [CROPS(image), v1.ToTensor()(image)]

    for transform in (views, whole):
        for options in WORKERS.values():
            compared(lambda: ImageFolder(folder, transform), **options)  # noqa: B023
    with pytest.raises(ValueError, match="Required crop size") as raised:
        list(penstock.DataLoader(ImageFolder(folder, views), 3))
    assert "penstock: sample 0, position 0 of its batch" in raised.value.__notes__[0]


@pytest.mark.parametrize("counts", [False, True], ids=["lowered", "recorded"])
@pytest.mark.parametrize("of_files", [False, True], ids=["arrays", "files"])
def test_a_view_of_margins_alone(folder, of_files, counts):
    """It needs nothing of what is decoded for the others, which begins elsewhere."""
    inner = v1.Compose([v1.CenterCrop(3), v1.ToTensor()])
    margin = v1.Compose([v1.Pad((0, 0, 0, 200), fill=7), v1.CenterCrop(2), v1.ToTensor()])
    calls = []

    def views(image):
        if counts:
            calls.append(image.size)
        return [margin(image), inner(image)]

    def dataset():
        return ImageFolder(folder, views) if of_files else dataset_of("CIFAR10", 9, 16, 16, transform=views)

    compared(dataset, native=not counts)


@cases(60)
@given(st.data())
def test_generated(data):
    height, width = data.draw(st.integers(1, 20)), data.draw(st.integers(1, 20))
    recipes = [data.draw(pipelines(height, width, 3)).recipe for _ in range(data.draw(st.integers(1, 3)))]
    held, workers = data.draw(st.sampled_from(["list", "tuple", "dict"])), data.draw(st.sampled_from([0, 0, 0, 2]))

    def make(cls):
        transform = Views([recipe.make() for recipe in recipes], held)
        return cls(dataset_of("CIFAR10", 5, height, width, transform=transform), 2, num_workers=workers)

    assert_parity(make, penstock.DataLoader, ReferenceLoader, Walk((None, None)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Photographs, of which some are Pillow's to open, one is damaged late, and one is no image."""
    root = tmp_path_factory.mktemp("views")
    (root / "a").mkdir()
    for k in range(12):
        options = {"mode": "CMYK"} if k == 4 else {}
        content = encode(photo(70 + k, 60, seed=k), **options)
        (root / "a" / f"{k:02}.jpg").write_bytes(content)
    return root


@pytest.mark.parametrize("workers", WORKERS.values(), ids=WORKERS)
def test_files(folder, workers):
    loader = penstock.DataLoader(ImageFolder(folder, Multicrop(2)), 3, **workers)
    batches = list(loader)
    assert [view.shape[1:] for view in batches[0][0]] == [(3, 6, 6)] * 2 + [(3, 4, 4)] * 2
    stats = penstock.stats(loader)
    assert (stats.images, stats.by_library) == (12, 1)
    compared(lambda: ImageFolder(folder, Multicrop(2)), **workers)


def test_files_that_are_damaged(folder, tmp_path):
    (tmp_path / "a").mkdir()
    for path in sorted((folder / "a").iterdir()):
        content = path.read_bytes()
        damaged = {"03.jpg": content[: len(content) // 2], "07.jpg": b"no image"}.get(path.name, content)
        (tmp_path / "a" / path.name).write_bytes(damaged)
    for options in WORKERS.values():
        compared(lambda: ImageFolder(tmp_path, query_and_key), **options)
    skipping = penstock.DataLoader(ImageFolder(tmp_path, query_and_key), 4, on_error="skip")
    assert penstock.explain(skipping).way == "lowered"
    assert sum(len(query) for (query, _), _ in skipping) == 10


def test_memory_is_of_each_view_and_held():
    dataset = dataset_of("CIFAR10", 14, 8, 8, transform=query_and_key)
    kept = list(penstock.DataLoader(dataset, 4, num_workers=2))
    before = [[view.clone() for view in views] for views, _ in kept]
    list(penstock.DataLoader(dataset, 4, num_workers=2))
    assert all(
        torch.equal(a, b)
        for views, (others, _) in zip(before, kept, strict=True)
        for a, b in zip(views, others, strict=True)
    )
    kept[0][0][0].zero_()
    assert torch.equal(kept[0][0][1], before[0][1])


def test_numbers_by_index():
    """A sample's views are made of one stream of words, whatever batch it is in."""
    dataset = dataset_of("CIFAR10", 12, 8, 8, transform=query_and_key)
    epochs = []
    for batch_size, workers in ((5, 0), (3, 2)):
        loader = penstock.DataLoader(dataset, batch_size, num_workers=workers, rng="index", seed=4)
        views = zip(*(views for views, _ in loader), strict=True)
        epochs.append([torch.cat(view) for view in views])
    assert all(map(torch.equal, *epochs))
    assert not np.array_equal(epochs[0][0], epochs[0][1])


def test_resuming():
    dataset = dataset_of("CIFAR10", 14, 8, 8, transform=Multicrop())

    def loader():
        torch.manual_seed(7)
        return penstock.DataLoader(dataset, 3, shuffle=True, num_workers=2)

    whole = [views for views, _ in loader()]
    first = loader()
    iterator = iter(first)
    for _ in range(2):
        next(iterator)
    state = first.state_dict()
    again = loader()
    again.load_state_dict(state)
    rest = [views for views, _ in again]
    assert len(rest) == len(whole) - 2
    for views, others in zip(rest, whole[2:], strict=True):
        assert all(map(torch.equal, views, others))
