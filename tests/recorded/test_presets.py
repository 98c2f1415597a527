"""Training and evaluation as torchvision's reference scripts and torch's ImageNet example set them up."""

import random

import numpy as np
import pytest
import torch
import torch.utils.data
from PIL import Image
from support.both_loaders import age, assert_program, write_images
from support.files import encode, photo
from torch.utils.data import Dataset
from torchvision import transforms as v1
from torchvision.datasets import ImageFolder
from torchvision.transforms import InterpolationMode, v2
from torchvision.transforms import functional as F

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

workers = pytest.mark.parametrize("workers", [0, 2])


class TrainingPreset:
    """Augmentation for classification, with either generation of transforms; no Compose, but a program's own code."""

    def __init__(
        self, T, crop_size=32, interpolation=InterpolationMode.BILINEAR, hflip_prob=0.5, backend="pil", to_pure=False
    ):
        transforms = [T.PILToTensor()] if backend == "tensor" else []
        transforms.append(T.RandomResizedCrop(crop_size, interpolation=interpolation, antialias=True))
        if hflip_prob > 0:
            transforms.append(T.RandomHorizontalFlip(hflip_prob))
        if backend == "pil":
            transforms.append(T.PILToTensor())
        if backend == "image":
            transforms.append(T.ToImage())
        transforms += [
            T.ToDtype(torch.float, scale=True) if T is v2 else T.ConvertImageDtype(torch.float),
            T.Normalize(mean=MEAN, std=STD),
        ]
        if to_pure:
            transforms.append(T.ToPureTensor())
        self.transforms = T.Compose(transforms)

    def __call__(self, image):
        return self.transforms(image)


class Counting:
    """A preset that keeps count, so that nobody knows in advance what it does."""

    def __init__(self, preset):
        self.preset, self.calls = preset, 0

    def __call__(self, image):
        self.calls += 1
        return self.preset(image)


class EvaluationPreset:
    """The same without augmentation."""

    def __init__(self, T, crop_size=32, resize_size=40, to_pure=False):
        self.transforms = T.Compose(
            [
                T.Resize(resize_size, interpolation=InterpolationMode.BICUBIC, antialias=True),
                T.CenterCrop(crop_size),
                T.PILToTensor(),
                T.ToDtype(torch.float, scale=True) if T is v2 else T.ConvertImageDtype(torch.float),
                T.Normalize(mean=MEAN, std=STD),
                *([T.ToPureTensor()] if to_pure else []),
            ]
        )

    def __call__(self, image):
        return self.transforms(image)


@workers
@pytest.mark.parametrize(
    ("preset", "share"),
    [
        (lambda: TrainingPreset(v1), 1.0),
        (lambda: TrainingPreset(v1, hflip_prob=0, interpolation=InterpolationMode.LANCZOS), 1.0),
        (lambda: EvaluationPreset(v1), 1.0),
        (lambda: TrainingPreset(v2), 1.0),
        (lambda: TrainingPreset(v2, to_pure=True), 1.0),
        (lambda: TrainingPreset(v2, backend="image"), 1.0),
        (lambda: TrainingPreset(v2, backend="image", to_pure=True), 1.0),
        (lambda: EvaluationPreset(v2, to_pure=True), 1.0),
        (lambda: TrainingPreset(v2, backend="tensor", to_pure=True), 1.0),
        # The first generation resizes tensors in float32.
        (lambda: TrainingPreset(v1, backend="tensor"), 0.0),
    ],
    ids=[
        "v1 train",
        "v1 lanczos",
        "v1 eval",
        "v2 train",
        "v2 pure",
        "v2 image",
        "v2 image pure",
        "v2 eval",
        "v2 tensor",
        "v1 tensor",
    ],
)
def test_classification(preset, share, workers, tmp_path):
    write_images(tmp_path)

    def program(wrap):
        dataset = ImageFolder(tmp_path, wrap(preset()))
        sampler = torch.utils.data.RandomSampler(dataset)
        return torch.utils.data.DataLoader(dataset, batch_size=5, sampler=sampler, num_workers=workers)

    assert_program(lambda: program(lambda made: made), share, way="lowered" if share else "recorded")
    assert_program(lambda: program(Counting), share)


@workers
def test_mixup_and_cutmix_in_the_collate_fn(workers, tmp_path):
    write_images(tmp_path)
    mix = v2.RandomChoice([v2.MixUp(num_classes=2), v2.CutMix(num_classes=2)])

    def collate(samples):
        return mix(*torch.utils.data.default_collate(samples))

    def program(wrap):
        dataset = ImageFolder(tmp_path, wrap(TrainingPreset(v2, to_pure=True)))
        return torch.utils.data.DataLoader(dataset, batch_size=4, shuffle=True, num_workers=workers, collate_fn=collate)

    assert_program(lambda: program(lambda made: made), way="lowered")
    assert_program(lambda: program(Counting))


@workers
def test_the_imagenet_example_is_lowered(workers, tmp_path):
    write_images(tmp_path)

    def program():
        transform = v1.Compose(
            [v1.RandomResizedCrop(32), v1.RandomHorizontalFlip(), v1.ToTensor(), v1.Normalize(mean=MEAN, std=STD)]
        )
        dataset = ImageFolder(tmp_path, transform)
        return torch.utils.data.DataLoader(dataset, batch_size=5, shuffle=True, num_workers=workers)

    assert_program(program, way="lowered", epochs=2)


# ---------------------------------------------------------------------------------------------------------------
# segmentation


class Together:
    """Several transforms of an image and its mask."""

    def __init__(self, transforms):
        self.transforms = transforms

    def __call__(self, image, target):
        for transform in self.transforms:
            image, target = transform(image, target)
        return image, target


class RandomResize:
    def __init__(self, least, most):
        self.least, self.most = least, most

    def __call__(self, image, target):
        size = random.randint(self.least, self.most)
        return F.resize(image, size, antialias=True), F.resize(target, size, interpolation=InterpolationMode.NEAREST)


class RandomFlip:
    def __call__(self, image, target):
        if random.random() < 0.5:
            image, target = F.hflip(image), F.hflip(target)
        return image, target


class RandomCrop:
    def __init__(self, size):
        self.size = size

    def __call__(self, image, target):
        window = v1.RandomCrop.get_params(image, (self.size, self.size))
        return F.crop(image, *window), F.crop(target, *window)


class ToTensors:
    def __call__(self, image, target):
        image = F.convert_image_dtype(F.pil_to_tensor(image), torch.float)
        return F.normalize(image, mean=MEAN, std=STD), torch.as_tensor(np.array(target), dtype=torch.int64)


class Masks(Dataset):
    def __init__(self, root, transforms):
        self.images = sorted(root.glob("*.jpg"))
        self.transforms = transforms

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        image = Image.open(self.images[index]).convert("RGB")
        target = Image.open(self.images[index].with_suffix(".png"))
        return self.transforms(image, target)


@workers
def test_segmentation(workers, tmp_path):
    for k in range(8):
        path = tmp_path / f"{k}.jpg"
        path.write_bytes(encode(photo(60 + k, 70, seed=k)))
        age(path)
        mask = photo(60 + k, 70, seed=k)[..., 0] // 64
        path.with_suffix(".png").write_bytes(encode(mask, "PNG", mode="L"))

    def program():
        transforms = Together([RandomResize(40, 60), RandomFlip(), RandomCrop(32), ToTensors()])
        return torch.utils.data.DataLoader(
            Masks(tmp_path, transforms), batch_size=3, shuffle=True, num_workers=workers, drop_last=True
        )

    # The masks are looked at as arrays; the images are not.
    stats = assert_program(program, share=0.5)
    assert sum(stats.by_pillow.values()) == stats.samples
