"""Callables of the user's own: those that only call known transforms are lowered, all others are left to torch."""

import functools
import random

import numpy as np
import pytest
import torch
import torchvision.transforms as v1
from PIL import Image
from support.images import dataset_of
from support.own_transforms import Each
from support.record import Walk, assert_parity
from support.workers import ForkingReferenceLoader
from torch import nn
from torchvision.transforms import InterpolationMode, v2
from torchvision.transforms import functional as F
from torchvision.transforms.v2 import functional as F2

import penstock

MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.3, 0.4)
FLIP = v1.RandomHorizontalFlip()
CROP = v1.RandomCrop(5, padding=2)
BY_PHASE = {"train": v1.Compose([CROP, FLIP, v1.ToTensor()]), "test": v1.ToTensor()}
SCALE = 2


class Preset:
    def __init__(self, mean=MEAN, crop=CROP):
        self.crop, self.mean, self.calls = crop, mean, 0

    def __call__(self, image):
        tensor = F.to_tensor(FLIP(self.crop(image)))
        return F.normalize(tensor, self.mean, STD)


class Counting(Preset):
    def __call__(self, image):
        self.calls += 1
        return super().__call__(image)


class Appending(Preset):
    def __init__(self):
        super().__init__()
        self.seen = [FLIP]

    def __call__(self, image):
        self.seen.append(CROP)
        return F.to_tensor(image)


class Trying(Preset):
    def __call__(self, image):
        try:
            return F.to_tensor(self.crop(image))
        except Exception:
            return torch.zeros(3, 5, 5)


class Surrounded(Preset):
    def __call__(self, image):
        with torch.no_grad():
            return F.to_tensor(self.crop(image))


class Deep(nn.Module):
    def __init__(self):
        super().__init__()
        self.augment = nn.Sequential(CROP, FLIP)
        self.register_buffer("scale", torch.tensor([2.0]))
        self.last = Each([v1.ToTensor()])

    def forward(self, image):
        return self.last(self.augment(image)) * self.scale


class Hooked(Deep):
    def __init__(self):
        super().__init__()
        self.register_forward_hook(lambda module, inputs, output: output + 1)


class Cropping(v1.RandomCrop):
    """A transform of torchvision's with a way of its own to draw."""

    @staticmethod
    def get_params(image, size):
        return 0, 0, *size


def by_phase(image, phase="train"):
    return BY_PHASE[phase](image)


def scaled(image, factor):
    return F.to_tensor(CROP(image)).mul_(factor).sub(1).clamp(min=-0.5)


def resized(image):
    if isinstance(image, Image.Image):
        image = F.resize(image, [7, 6], interpolation=InterpolationMode.BICUBIC)
    return F.to_tensor(F.center_crop(image, (4, 5)))


class Methods:
    def __init__(self):
        self.steps = v2.Compose([v2.ToImage(), v2.RandomVerticalFlip()])

    def train(self, image):
        return self.after(self.steps(image))

    def after(self, image):
        return F2.to_dtype(image, torch.float32, scale=True)


class OfItsClass:
    augment = CROP
    crop = staticmethod(lambda image: image)

    def __init__(self):
        self.crop = v1.CenterCrop(4)

    def __call__(self, image):
        augment = getattr(self, "augment", None)
        return F.to_tensor(image if augment is None else augment(image))


class OfTheInstance(OfItsClass):
    def __call__(self, image):
        return F.to_tensor(self.crop(image))


class Hidden(nn.Module):
    """An attribute of the class is found before a module of that name."""

    augment = None

    def __init__(self):
        super().__init__()
        self.augment = nn.Sequential(CROP)

    def forward(self, image):
        return F.to_tensor(image if self.augment is None else self.augment(image))


class Containers:
    def __init__(self):
        self.steps, self.named, self.modes = [CROP], {"flip": FLIP}, [InterpolationMode.BILINEAR]

    def __call__(self, image):
        if isinstance(self.steps, list) and hasattr(self.steps, "append"):
            image = self.steps[0](image)
        if isinstance(self.named, dict) and self.modes == [InterpolationMode.BILINEAR]:
            image = self.named["flip"](image)
        return F.to_tensor(image)


class Shifted(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.tensor(MEAN))

    def forward(self, image):
        return (F.to_tensor(image) - self.mean.view(-1, 1, 1)) / self.mean[:, None, None] + self.mean[0].item()


class CountingInTensor(Shifted):
    def forward(self, image):
        return F.to_tensor(image) * self.mean[0].add_(1)


class DrawingIntoTensor(Shifted):
    def forward(self, image):
        self.mean.uniform_()
        return F.to_tensor(image)


def caught_within(image):
    def attempt():
        try:
            return CROP(image)
        except ValueError:
            return image

    return F.to_tensor(attempt())


def in_a_worker(image):
    return F.to_tensor(image if torch.utils.data.get_worker_info() is None else FLIP(image))


def marks_a_function(image):
    F.to_tensor.seen = True
    return F.to_tensor(image)


def marks_a_partial(image):
    PARTIAL.seen = True
    return PARTIAL(image)


PARTIAL = functools.partial(F.to_tensor)
ERASE = v1.RandomErasing(p=1, value="random")
FOLLOWED = {
    "class's attribute": OfItsClass(),
    "hidden module": Hidden(),
    "containers": Containers(),
    "views of a constant": Shifted(),
    "a dtype of an image": lambda image: F2.to_dtype(F2.to_image(image), torch.float32, scale=True) * 2,
    "class": Preset(),
    "without an attribute": Preset(crop=v1.CenterCrop(4)),
    "module": Deep(),
    "its own compose": Each([CROP, FLIP, v1.ToTensor()]),
    "function": by_phase,
    "partial": functools.partial(scaled, factor=1.5),
    "partial of a constant": functools.partial(scaled, factor=torch.tensor([[[2.0]], [[3.0]], [[0.25]]])),
    "method": Methods().train,
    "functions": resized,
    "lambda": lambda image: v1.ToTensor()(image) if SCALE is None else F.to_tensor(image) * SCALE - 1,
    "lambdas": v1.Compose([v1.Lambda(lambda x: x.convert("RGB")), FLIP, v1.ToTensor(), v1.Lambda(lambda t: t * 2 - 1)]),
    "v2's lambda": v2.Compose([v2.ToImage(), v2.Lambda(lambda image: image.float() / 255), v2.Normalize(MEAN, STD)]),
    "bytes": lambda image: F.pil_to_tensor(FLIP(image)).float().div(127.5) - 1.0,
    "from the right": lambda image: 1 - F.to_tensor(CROP(image)),
    "by torch": lambda image: torch.clamp(torch.sub(F.to_tensor(FLIP(image)), 0.5), -0.25, 0.25),
    "half": lambda image: F.to_tensor(image).half(),
    "made in the call": lambda image: v1.ToTensor()(v1.RandomCrop(4, padding=(1, 2))(image)),
    "padded": lambda image: F.to_tensor(F.pad(image, [1, 2], fill=3)),
}
REFUSED = {
    "instance's attribute": OfTheInstance(),
    "draws into a tensor": DrawingIntoTensor(),
    "catches within": caught_within,
    "asks for the worker": in_a_worker,
    "what it erased": lambda image: ERASE(F.to_tensor(image)).clamp(0, 1),
    "has methods": lambda image: F.to_tensor(image if hasattr(image, "float") else FLIP(image)),
    "has no methods": lambda image: F.to_tensor(FLIP(image)) * (2 if hasattr(F.to_tensor(image), "convert") else 1),
    "raises for no tensor": lambda image: F.to_tensor(F2.to_dtype(image, torch.float32)),
    "raises for a tensor": lambda image: F2.pil_to_tensor(F2.pil_to_tensor(image)),
    "a type's name": lambda image: F.to_tensor(image).type(),
    "counts": Counting(),
    "appends": Appending(),
    "catches": Trying(),
    "surrounded": Surrounded(),
    "hooked": Hooked(),
    "two views": lambda image: torch.stack([F.to_tensor(CROP(image)), F.to_tensor(CROP(image))]),
    "a view before": lambda image: (F.to_tensor(image), F.to_tensor(FLIP(image)))[0],
    "draws": lambda image: F.to_tensor(FLIP(image) if random.random() < 0.5 else image),
    "torch draws": lambda image: F.to_tensor(image) * float(torch.rand(())),
    "array": lambda image: torch.from_numpy(np.array(CROP(image))),
    "looks at it": lambda image: F.to_tensor(image if image.width > 3 else FLIP(image)),
    "looks at its values": lambda image: F.to_tensor(image) if F.to_tensor(image).mean() > 0.5 else torch.ones(3, 6, 6),
    "sum": lambda image: F.to_tensor(image) + F.to_tensor(image),
    "power": lambda image: F.to_tensor(image) ** 0.45,
    "sine": lambda image: F.to_tensor(image).sin(),
    "permuted": lambda image: F.pil_to_tensor(image).permute(1, 2, 0),
    "composed in the call": lambda image: v1.Compose([FLIP, v1.ToTensor()])(image),
    "another": lambda _: torch.ones(3, 2, 2),
    "own draws": v1.Compose([Cropping(4), v1.ToTensor()]),
    "v2's lambda of some": v2.Compose([v2.ToImage(), v2.Lambda(lambda image: image.float(), torch.Tensor)]),
    "another mode": v1.Compose([v1.Lambda(lambda image: image.convert("L")), v1.ToTensor()]),
}
WORKERS = {"0 workers": {}, "2 workers": {"num_workers": 2}}


def cifar(transform):
    return dataset_of("CIFAR10", 14, 6, 6, transform=transform)


def compared(transform, *, native, edit=None, **options):
    def make(cls):
        return cls(cifar(transform), 3, shuffle=True, **options)

    report = penstock.explain(make(penstock.DataLoader))
    assert (report.way == "lowered") is native, str(report)
    assert_parity(make, penstock.DataLoader, ForkingReferenceLoader, Walk((None, 2, None), edit=edit), seed=3)


@pytest.mark.parametrize("workers", WORKERS.values(), ids=WORKERS)
@pytest.mark.parametrize("transform", FOLLOWED.values(), ids=FOLLOWED)
def test_what_is_followed(transform, workers):
    compared(transform, native=True, **workers)


@pytest.mark.parametrize("workers", WORKERS.values(), ids=WORKERS)
@pytest.mark.parametrize("transform", REFUSED.values(), ids=REFUSED)
def test_what_is_not(transform, workers):
    compared(transform, native=False, **workers)


def test_numbers_that_are_equal_but_of_another_type():
    compared(lambda image: F.to_tensor(F.pad(image, 1)), native=True)
    compared(lambda image: F.to_tensor(F.pad(image, 1.0)), native=False)


def test_channels_that_a_constant_adds():
    def make(cls):
        constant = torch.tensor([1.0, -2.0, 3.0]).view(3, 1, 1)
        return cls(dataset_of("MNIST", 9, 6, 6, transform=lambda image: ERASE(F.to_tensor(image) * constant)), 3)

    assert penstock.explain(make(penstock.DataLoader)).way != "lowered"
    assert_parity(make, penstock.DataLoader, ForkingReferenceLoader)


@pytest.mark.parametrize("transform", [marks_a_function, marks_a_partial])
def test_attributes_of_functions_are_left_alone(transform):
    assert penstock.explain(penstock.DataLoader(cifar(transform), 3)).way != "lowered"
    assert not any(hasattr(each, "seen") for each in (F.to_tensor, PARTIAL))


@pytest.mark.parametrize("transform", [CountingInTensor(), DrawingIntoTensor()])
def test_its_tensors_are_left_alone(transform):
    state, mean = torch.get_rng_state(), transform.mean.clone()
    assert penstock.explain(penstock.DataLoader(cifar(transform), 3)).way != "lowered"
    assert torch.equal(transform.mean, mean)
    assert torch.equal(torch.get_rng_state(), state)


def test_nothing_of_it_has_run():
    counting = Counting()
    assert penstock.explain(penstock.DataLoader(cifar(counting), 3)).way != "lowered"
    assert counting.calls == 0
    appending = Appending()
    assert penstock.explain(penstock.DataLoader(cifar(appending), 3)).way != "lowered"
    assert appending.seen == [FLIP]


def test_an_image_that_is_not_of_the_mode_is_not_converted():
    def make(cls):
        steps = v1.Compose([v1.Lambda(lambda image: image.convert("RGB")), v1.ToTensor()])
        return cls(dataset_of("MNIST", 9, 6, 6, transform=steps), 3)

    assert penstock.explain(make(penstock.DataLoader)).way != "lowered"
    assert_parity(make, penstock.DataLoader, ForkingReferenceLoader)


EDITS = {
    "attribute": (Preset, lambda transform: vars(transform).update(mean=(0.1, 0.1, 0.1))),
    "a transform within": (Preset, lambda transform: vars(transform).update(crop=v1.CenterCrop(5))),
    "a transform's own attribute": (lambda: Preset(crop=v1.CenterCrop(5)), lambda made: vars(made.crop).update(size=(5, 3))),
    "another way": (Preset, lambda transform: vars(transform).update(crop=lambda image: image.resize((5, 5)))),
}  # fmt: skip


@pytest.mark.parametrize("workers", [*WORKERS.values(), {"num_workers": 2, "persistent_workers": True}])
@pytest.mark.parametrize(("make", "edit"), EDITS.values(), ids=EDITS)
def test_late_edits(make, edit, workers):
    """Without workers they are seen at the next batch, with workers in the next epoch, with persistent ones never."""

    def loader(cls):
        return cls(cifar(make()), 3, **workers)

    assert penstock.explain(loader(penstock.DataLoader)).way == "lowered"
    walk = Walk((None, None), edit=lambda loader: edit(loader.dataset.transform))
    assert_parity(loader, penstock.DataLoader, ForkingReferenceLoader, walk)


def test_late_edits_of_its_code():
    def make(cls):
        return cls(cifar(type("Own", (Preset,), {})()), 3)

    def edit(loader):
        type(loader.dataset.transform).__call__ = lambda _, image: F.to_tensor(image)

    assert_parity(make, penstock.DataLoader, ForkingReferenceLoader, Walk((None, None), edit=edit))


def test_a_method_of_tensors_that_was_replaced(monkeypatch):
    original = torch.Tensor.mul
    monkeypatch.setattr(torch.Tensor, "mul", lambda tensor, other: original(tensor, other) + 1)
    compared(lambda image: F.to_tensor(image).mul(2), native=False)
    compared(lambda image: F.to_tensor(image) * 2, native=True)


def test_numbers_that_were_changed_before():
    """What leaves all values of bytes as they are may change what a resize makes of them."""

    def clamped(image):
        tensor = v1.Resize(9, InterpolationMode.BICUBIC)(F.to_tensor(image))
        return tensor.clamp(0, 1)

    compared(clamped, native=False)


def test_workers_that_do_not_know_a_global():
    def way(transform, context):
        loader = penstock.DataLoader(cifar(transform), 3, num_workers=2, multiprocessing_context=context)
        return penstock.explain(loader).way

    assert way(by_phase, "fork") == "lowered"
    assert way(by_phase, "spawn") != "lowered"
    assert way(Deep(), "spawn") == "lowered"
    assert way(OfItsClass(), "spawn") != "lowered"
