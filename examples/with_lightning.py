"""Lightning: the data module's import is all that changes."""

import argparse
import tempfile
from pathlib import Path

import lightning
import made_up
import torch
from torch import nn
from torchvision import transforms
from torchvision.datasets import ImageFolder

import penstock
from penstock import DataLoader


class Photographs(lightning.LightningDataModule):
    """An ImageFolder, for training."""

    def __init__(self, root, size):
        super().__init__()
        steps = [transforms.RandomResizedCrop(size), transforms.RandomHorizontalFlip(), transforms.ToTensor()]
        self.dataset = ImageFolder(root, transforms.Compose(steps))

    def train_dataloader(self):
        self.loader = DataLoader(self.dataset, batch_size=16, shuffle=True, num_workers=2)
        return self.loader


class Classifier(lightning.LightningModule):
    """A small network."""

    def __init__(self, size, classes):
        super().__init__()
        self.model = nn.Sequential(nn.AvgPool2d(size // 4), nn.Flatten(), nn.Linear(48, classes))

    def training_step(self, batch, index):
        images, labels = batch
        loss = nn.functional.cross_entropy(self.model(images), labels)
        self.log("loss", loss)
        return loss

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="an ImageFolder; a small one is made if this is not given")
    parser.add_argument("--size", type=int, default=32, help="of the crops, a multiple of 4")
    parser.add_argument("--epochs", type=int, default=1)
    args = parser.parse_args()

    with tempfile.TemporaryDirectory() as scratch:
        if args.data is None:
            made_up.folder(Path(scratch))
            args.data = Path(scratch) / "images"
        photographs = Photographs(args.data, args.size)
        trainer = lightning.Trainer(
            max_epochs=args.epochs, logger=False, enable_checkpointing=False, enable_progress_bar=False
        )
        trainer.fit(Classifier(args.size, len(photographs.dataset.classes)), photographs)
        print(f"loss {trainer.callback_metrics['loss'].item():.4f}")
        print(f"native share {penstock.stats(photographs.loader).native_share:.0%}")


if __name__ == "__main__":
    main()
