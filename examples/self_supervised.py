"""SimCLR: two views of each image, from a data set of one's own; nothing in it knows of penstock but the import."""

import argparse
import tempfile
from pathlib import Path

import made_up
import torch
from PIL import Image, ImageFilter
from torch import nn
from torch.utils.data import Dataset
from torchvision import transforms

import penstock
from penstock import DataLoader

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Blur:
    """Pillow's Gaussian blur, by a drawn radius."""

    def __call__(self, image):
        return image.filter(ImageFilter.GaussianBlur(float(torch.empty(1).uniform_(0.1, 2.0))))


class Views(Dataset):
    """Two views of each file of a folder."""

    def __init__(self, root, size):
        self.paths = sorted(root.rglob("*.jpg"))
        self.transform = transforms.Compose(
            [
                transforms.RandomResizedCrop(size),
                transforms.RandomHorizontalFlip(),
                transforms.RandomApply([transforms.ColorJitter(0.4, 0.4, 0.4, 0.1)], 0.8),
                transforms.RandomGrayscale(0.2),
                transforms.RandomApply([Blur()], 0.5),
                transforms.ToTensor(),
                transforms.Normalize(MEAN, STD),
            ]
        )

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        image = Image.open(self.paths[index]).convert("RGB")
        return self.transform(image), self.transform(image)


def contrast(one, two, temperature=0.5):
    """Return NT-Xent of two batches of features (N, D): each is to find its other view among all."""
    features = nn.functional.normalize(torch.cat([one, two]), dim=1)
    similar = features @ features.T / temperature
    similar.fill_diagonal_(-torch.inf)
    return nn.functional.cross_entropy(similar, torch.arange(len(features), device=one.device).roll(len(one)))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="a folder of JPEGs; a small one is made if this is not given")
    parser.add_argument("--size", type=int, default=32, help="of the views")
    parser.add_argument("--epochs", type=int, default=1)
    args = parser.parse_args()

    with tempfile.TemporaryDirectory() as scratch:
        if args.data is None:
            made_up.folder(Path(scratch))
            args.data = Path(scratch) / "images"
        views = Views(args.data, args.size)
        loader = DataLoader(views, batch_size=16, shuffle=True, num_workers=2, drop_last=True)

        device = "cuda" if torch.cuda.is_available() else "cpu"
        model = nn.Sequential(
            *(nn.Conv2d(3, 32, 3, stride=2), nn.BatchNorm2d(32), nn.ReLU()),
            *(nn.Conv2d(32, 64, 3, stride=2), nn.BatchNorm2d(64), nn.ReLU()),
            *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 32)),
        ).to(device)
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
        for epoch in range(args.epochs):
            for one, two in loader:
                loss = contrast(model(one.to(device)), model(two.to(device)))
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            print(f"epoch {epoch}: loss {loss.item():.4f}")
        print(f"native share {penstock.stats(loader).native_share:.0%}")


if __name__ == "__main__":
    main()
