"""Train a small segmentation network: images and masks are cropped and flipped alike, by the data set's own code."""

import argparse
import random
import tempfile
from pathlib import Path

import made_up
import torch
from PIL import Image
from torch import nn
from torch.utils.data import Dataset
from torchvision import transforms
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as F

import penstock
from penstock import DataLoader

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Masks(Dataset):
    """Images `images/CLASS/NAME.jpg`, and masks `masks/CLASS/NAME.png` of one byte for each pixel."""

    def __init__(self, root, size):
        self.images, self.masks, self.size = sorted(root.glob("images/*/*.jpg")), root / "masks", size

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        path = self.images[index]
        image = Image.open(path).convert("RGB")
        mask = Image.open(self.masks / path.parent.name / f"{path.stem}.png")
        part, size = transforms.RandomResizedCrop.get_params(image, (0.5, 1.0), (0.75, 1.33)), [self.size, self.size]
        image = F.resized_crop(image, *part, size)
        mask = F.resized_crop(mask, *part, size, InterpolationMode.NEAREST)
        if random.random() < 0.5:
            image, mask = F.hflip(image), F.hflip(mask)
        return F.normalize(F.to_tensor(image), MEAN, STD), F.pil_to_tensor(mask)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, help="a folder as `Masks` has it; a small one is made if this is not given"
    )
    parser.add_argument("--size", type=int, default=48, help="of the crops")
    parser.add_argument("--epochs", type=int, default=1)
    args = parser.parse_args()

    with tempfile.TemporaryDirectory() as scratch:
        if args.data is None:
            made_up.folder(Path(scratch))
            args.data = Path(scratch)
        masks = Masks(args.data, args.size)
        loader = DataLoader(masks, batch_size=16, shuffle=True, num_workers=2, drop_last=True)

        device = "cuda" if torch.cuda.is_available() else "cpu"
        model = nn.Sequential(nn.Conv2d(3, 16, 5, padding=2), nn.ReLU(), nn.Conv2d(16, 2, 5, padding=2)).to(device)
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
        for epoch in range(args.epochs):
            for images, targets in loader:
                loss = nn.functional.cross_entropy(model(images.to(device)), targets.squeeze(1).long().to(device))
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            print(f"epoch {epoch}: loss {loss.item():.4f}")
        print(f"native share {penstock.stats(loader).native_share:.0%}")


if __name__ == "__main__":
    main()
