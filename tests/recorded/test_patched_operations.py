"""What users put into the place of a library's operation is called, also where the library's own would be recorded."""

import contextlib

import pytest
import torch
from PIL import Image, ImageEnhance, ImageFilter, ImageOps
from support.both_loaders import Opened, assert_program, write_images
from support.sides import both, folder
from torchvision import transforms as T
from torchvision.transforms import _functional_pil, _functional_tensor, v2
from torchvision.transforms import functional as F
from torchvision.transforms.v2 import functional as F2


def mirrored(function):
    """A function that mirrors images, and tensors of them, and does nothing else."""

    def instead(image, *args, **options):
        if isinstance(image, torch.Tensor):
            return image.flip(-1)
        return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)

    return instead


def of_itself(function):
    """A method that goes on with an image of its object."""
    return lambda self, factor: mirrored(None)(self.image)


def initialised(function):
    def instead(self, image):
        self.image, self.degenerate = image, ImageOps.mirror(image)

    return instead


def embossed(function):
    return lambda self, image: image.filter((3, 3), 1, 128, (-1, 0, 0, 0, 1, 0, 0, 0, 0))


def smaller(function):
    return lambda self, *args, **options: Image.new("RGB", (3, 2), (1, 2, 3))


def derived(kind):
    return type(kind.__name__, (kind,), {"enhance": lambda self, factor: super(type(self), self).enhance(factor / 2)})


# Where it is, what stands in its place, and a call that leads to it.
PATCHES = {
    "posterize": (ImageOps, "posterize", mirrored, lambda p: ImageOps.posterize(p, 3)),
    "invert": (ImageOps, "invert", mirrored, lambda p: F.invert(p)),
    "functional": (F, "adjust_hue", mirrored, T.ColorJitter(hue=0.3)),
    "functional of version 2": (F2, "adjust_hue", mirrored, lambda p: F2.adjust_hue(p, 0.3)),
    "functional of images": (_functional_pil, "adjust_hue", mirrored, lambda p: F.adjust_hue(p, 0.3)),
    "functional of tensors": (
        *(_functional_tensor, "adjust_hue", mirrored),
        lambda p: F.adjust_hue(F.pil_to_tensor(p), 0.3),
    ),
    "to_tensor": (F, "to_tensor", mirrored, T.ToTensor()),
    "enhance of all": (ImageEnhance._Enhance, "enhance", of_itself, lambda p: F.adjust_saturation(p, 0.3)),
    "enhance": (ImageEnhance.Color, "enhance", of_itself, lambda p: F.adjust_saturation(p, 0.3)),
    "enhancer's __init__": (ImageEnhance.Color, "__init__", initialised, lambda p: F.adjust_saturation(p, 0.3)),
    "enhancer": (ImageEnhance, "Color", derived, lambda p: F.adjust_saturation(p, 0.3)),
    "filter": (ImageFilter.GaussianBlur, "filter", embossed, lambda p: p.filter(ImageFilter.GaussianBlur(1))),
    "filter of Pillow's own": (ImageFilter.BuiltinFilter, "filter", embossed, lambda p: p.filter(ImageFilter.SMOOTH)),
    "Image.filter": (Image.Image, "filter", smaller, lambda p: p.filter(ImageFilter.BLUR)),
    "Image.transform": (Image.Image, "transform", smaller, lambda p: p.rotate(10)),
    "Image.point": (Image.Image, "point", smaller, lambda p: p.point(lambda value: value // 2)),
    "Image.resize": (Image.Image, "resize", smaller, lambda p: F.resize(p, [9, 9])),
    "Image.crop": (Image.Image, "crop", smaller, lambda p: F.crop(p, 1, 1, 9, 9)),
    "Image.convert": (Image.Image, "convert", smaller, lambda p: p.convert("RGB")),
}


@contextlib.contextmanager
def patched(owner, name, make):
    before = vars(owner).get(name)
    setattr(owner, name, make(getattr(owner, name)))
    try:
        yield
    finally:
        if before is None:
            delattr(owner, name)
        else:
            setattr(owner, name, before)


@pytest.mark.parametrize("patch", PATCHES.values(), ids=PATCHES)
def test_patches_within_the_user_code(patch):
    *place, call = patch

    def seen():
        image = Image.open(folder() / "plain.jpg")
        with patched(*place):
            torch.manual_seed(0)
            return call(image)

    ours, theirs = both(seen)
    assert ours == theirs
    assert ours[0] == "value"


@pytest.mark.parametrize("patch", PATCHES.values(), ids=PATCHES)
def test_patches_that_were_there_before(patch):
    *place, call = patch
    both(lambda: call(Image.open(folder() / "plain.jpg").convert("RGB")))  # what libraries do is known by then

    def seen():
        torch.manual_seed(0)
        return call(Image.open(folder() / "plain.jpg"))

    with patched(*place):
        ours, theirs = both(seen)
    assert ours == theirs
    assert ours[0] == "value"


class Doubled(ImageEnhance.Color):
    def enhance(self, factor):
        return super().enhance(2 * factor)


class Wider(ImageFilter.GaussianBlur):
    def __init__(self, radius):
        super().__init__(3 * radius)


class Twice(T.ColorJitter):
    def forward(self, img):
        return super().forward(super().forward(img))


class Half(T.RandomRotation):
    @staticmethod
    def get_params(degrees):
        return T.RandomRotation.get_params(degrees) / 2


def hooked():
    transform = v2.ColorJitter(0.4, 0.4, 0.4, 0.1)
    transform.register_forward_hook(lambda module, inputs, output: ImageOps.flip(output))
    return transform


def copying(image):
    blur = ImageFilter.GaussianBlur(2)
    blur.filter = lambda core: core.copy()
    return image.filter(blur)


OF_USERS = {
    "enhancer": lambda image: Doubled(image).enhance(0.4),
    "blur": lambda image: image.filter(Wider(0.5)),
    "a filter's own method": copying,
    "transform": Twice(0.4, 0.4, 0.4, 0.1),
    "draws": Half(30),
    "hook": hooked(),
}


@pytest.mark.parametrize("transform", OF_USERS.values(), ids=OF_USERS)
def test_classes_of_users(transform, tmp_path):
    paths = write_images(tmp_path, 6)

    def program():
        whole = T.Compose([transform, T.Resize((30, 40)), T.ToTensor()])
        return torch.utils.data.DataLoader(Opened(paths, whole), 3)

    assert_program(program, share=None)


def on_tensors(image):
    tensor, bytes_of_it = F.to_tensor(image), F.pil_to_tensor(image)
    height, width = tensor.shape[-2:]
    memory = torch.zeros(2, 3, height + 3, width + 5)
    memory[0, :, :height, :width].copy_(tensor)
    masked = tensor.mul(torch.ones(1, height, width))
    tensor.copy_(torch.ones(3, height, width))
    parts = [part.clone() for part in bytes_of_it.split(2)]
    return (
        memory,
        masked,
        tensor,
        bytes_of_it.float() * 2,
        bytes_of_it.float().sub(3),
        parts,
        bytes_of_it[:, 1:9].float(),
    )


@pytest.mark.parametrize("name", ["__mul__", "clone", "copy_", "float", "mul", "split", "sub"])
def test_methods_of_tensors_are_called_once(name, monkeypatch):
    own, plus = getattr(torch.Tensor, name), torch.Tensor.__add__

    def instead(self, *args, **options):
        made = own(self, *args, **options)
        return plus(made, 1) if isinstance(made, torch.Tensor) else (*made, plus(made[0], 1))

    monkeypatch.setattr(torch.Tensor, name, instead)
    ours, theirs = both(lambda: on_tensors(Image.open(folder() / "plain.jpg").convert("RGB")))
    assert ours == theirs
