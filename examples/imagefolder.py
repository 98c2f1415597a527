"""Train a ResNet-18 on a folder of photographs: the usual script, with its loader's import changed."""

import argparse
import tempfile
from pathlib import Path

import made_up
import torch
from torch import nn
from torchvision import transforms
from torchvision.datasets import ImageFolder
from torchvision.models import resnet18

import penstock
from penstock import DataLoader

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="an ImageFolder; a small one is made if this is not given")
    parser.add_argument("--size", type=int, default=64, help="of the crops")
    parser.add_argument("--epochs", type=int, default=1)
    args = parser.parse_args()

    with tempfile.TemporaryDirectory() as scratch:
        if args.data is None:
            made_up.folder(Path(scratch))
            args.data = Path(scratch) / "images"
        transform = transforms.Compose(
            [
                transforms.RandomResizedCrop(args.size),
                transforms.RandomHorizontalFlip(),
                transforms.ColorJitter(0.2, 0.2, 0.2),
                transforms.ToTensor(),
                transforms.Normalize(MEAN, STD),
            ]
        )
        dataset = ImageFolder(args.data, transform)
        loader = DataLoader(dataset, batch_size=16, shuffle=True, num_workers=2, drop_last=True)
        print(penstock.explain(loader))

        device = "cuda" if torch.cuda.is_available() else "cpu"
        model = resnet18(num_classes=len(dataset.classes)).to(device)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
        for epoch in range(args.epochs):
            for images, labels in loader:
                loss = nn.functional.cross_entropy(model(images.to(device)), labels.to(device))
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            print(f"epoch {epoch}: loss {loss.item():.4f}")
        print(f"native share {penstock.stats(loader).native_share:.0%}")


if __name__ == "__main__":
    main()
