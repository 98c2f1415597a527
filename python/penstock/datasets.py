"""Own data in two lines: a dataset that says where its images are."""

import os
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from torch.utils.data import Dataset

__all__ = ["ImageDataset", "ImageSource"]

ImageSource = npt.NDArray[np.uint8] | str | os.PathLike[str] | bytes


class ImageDataset(Dataset[Any]):
    """Base of a map-style dataset whose images penstock can find by itself.

    Derive from it, write `__len__` and `locate`, and set `transform` (and `target_transform`) as in
    torchvision's datasets. `__getitem__` comes with this class, so the dataset works under torch's loader as
    well and gives the same samples there; override it and penstock leaves the dataset to torch.

    Example:
        >>> class Digits(ImageDataset):
        ...     def __init__(self, images, labels, transform):
        ...         self.images, self.labels, self.transform = images, labels, transform
        ...
        ...     def __len__(self):
        ...         return len(self.images)
        ...
        ...     def locate(self, index):
        ...         return self.images[index], int(self.labels[index])
    """

    transform: Any = None
    target_transform: Any = None

    def __len__(self) -> int:
        """Return the number of samples."""
        raise NotImplementedError(f"{type(self).__name__} needs a __len__")

    def locate(self, index: Any) -> tuple[ImageSource, Any]:
        """Return where the image of a sample is, and the sample's target.

        Depends on the index alone and draws no random number. penstock calls it in the thread that iterates
        over the loader, never in another, so it may use a database handle that is bound to its thread.

        Args:
            index: What the sampler yields.

        Returns:
            The image, as a uint8 array of shape (H, W) (gray) or (H, W, 3) (RGB) and any strides, as the path
            of a file, or as a file's bytes; and the target, of any type that the collate function takes.
        """
        raise NotImplementedError(f"{type(self).__name__} needs a method locate(index)")

    def __getitem__(self, index: Any) -> tuple[Any, Any]:
        """Return the transformed image and the target of a sample."""
        where, target = self.locate(index)
        image = open_image(where)
        if self.transform is not None:
            image = self.transform(image)
        if self.target_transform is not None:
            target = self.target_transform(target)
        return image, target


def open_image(where: Any) -> Image.Image:
    """Return what `ImageDataset.locate` located, as a Pillow image of mode L or RGB.

    Raises:
        TypeError: If it is neither an array of uint8 nor a path nor bytes.
        ValueError: If it is an array of another shape than (H, W) or (H, W, 3).
        OSError: If a file cannot be read or holds no image.
    """
    if isinstance(where, np.ndarray):
        check_pixels(where)
        return Image.fromarray(where)
    if isinstance(where, bytes):
        import io

        with Image.open(io.BytesIO(where)) as image:
            return image.convert("RGB")
    if isinstance(where, (str, os.PathLike)):
        with Image.open(where) as image:
            return image.convert("RGB")
    raise TypeError(f"locate() returns an array, a path or bytes as the image, got {type(where).__name__}")


def check_pixels(pixels: npt.NDArray[Any]) -> None:
    """Raise if an array is not an image of mode L or RGB."""
    if pixels.dtype != np.uint8:
        raise TypeError(f"an image is an array of uint8, got {pixels.dtype}")
    if pixels.ndim not in (2, 3) or pixels.shape[2:] not in ((), (3,)) or 0 in pixels.shape:
        raise ValueError(f"an image is an array of shape (H, W) or (H, W, 3), got {pixels.shape}")
