"""Own images in two lines: derive from penstock.ImageDataset and say where they are."""

import numpy as np
import torch
from torchvision.transforms import v2

import penstock


class Squares(penstock.ImageDataset):
    """Gray noise with a bright square, whose height says the class."""

    def __init__(self, count, transform):
        rng = np.random.default_rng(0)
        self.labels = rng.integers(0, 4, count)
        self.images = rng.integers(0, 128, (count, 32, 32), dtype=np.uint8)
        for image, label in zip(self.images, self.labels, strict=True):
            image[8 * label : 8 * label + 8, 8:24] = 255
        self.transform = transform

    def __len__(self):
        return len(self.images)

    def locate(self, index):
        return self.images[index], int(self.labels[index])


def main():
    transform = v2.Compose([v2.RandomCrop(28), v2.ToImage(), v2.ToDtype(torch.float32, scale=True)])
    loader = penstock.DataLoader(Squares(1000, transform), batch_size=100, shuffle=True, num_workers=2)
    print(penstock.explain(loader))
    images, labels = next(iter(loader))
    print(tuple(images.shape), images.dtype, labels.dtype)


if __name__ == "__main__":
    main()
