"""torchvision's transforms over NumPy arrays: read where they lie, written in place."""

import numpy as np
import torch
from torchvision import transforms

import penstock


def main():
    planes = np.random.default_rng(0).integers(0, 256, (64, 3, 40, 40), dtype=np.uint8)
    images = planes.transpose(0, 2, 3, 1)  # (N, H, W, C), as a view: nothing is copied

    augment = [transforms.RandomCrop(32), transforms.RandomHorizontalFlip(), transforms.ToTensor()]
    f = penstock.compile(transforms.Compose(augment))
    batch = f(images, range(16), generator=torch.Generator().manual_seed(0))
    print(batch.shape, batch.dtype)

    # The same memory again and again, and torch's view of it.
    view = torch.from_numpy(batch)
    f(images, range(16, 32), out=batch)
    print(float(view.mean()))


if __name__ == "__main__":
    main()
