"""DistributedDataParallel, started by torchrun; each rank has a loader and threads of its own.

torchrun --nproc-per-node 2 examples/ddp.py
"""

import argparse
import tempfile
from pathlib import Path

import made_up
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DistributedSampler
from torchvision import transforms
from torchvision.datasets import ImageFolder

import penstock
from penstock import DataLoader


def train(root, size, epochs):
    """Train on a folder, and return this rank's loader and last loss."""
    steps = [transforms.RandomResizedCrop(size), transforms.RandomHorizontalFlip(), transforms.ToTensor()]
    dataset = ImageFolder(root, transforms.Compose(steps))
    sampler = DistributedSampler(dataset, shuffle=True)
    loader = DataLoader(dataset, batch_size=8, sampler=sampler, num_workers=1)
    model = nn.Sequential(nn.AvgPool2d(size // 4), nn.Flatten(), nn.Linear(48, len(dataset.classes)))
    model = DistributedDataParallel(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for epoch in range(epochs):
        sampler.set_epoch(epoch)
        for images, labels in loader:
            loss = nn.functional.cross_entropy(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return loader, loss.item()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="an ImageFolder; a small one is made if this is not given")
    parser.add_argument("--size", type=int, default=32, help="of the crops, a multiple of 4")
    parser.add_argument("--epochs", type=int, default=1)
    args = parser.parse_args()

    dist.init_process_group("gloo")
    with tempfile.TemporaryDirectory() as scratch:  # each rank makes the same images
        if args.data is None:
            made_up.folder(Path(scratch))
            args.data = Path(scratch) / "images"
        loader, loss = train(args.data, args.size, args.epochs)
    share = penstock.stats(loader).native_share
    print(f"rank {dist.get_rank()} of {dist.get_world_size()}: loss {loss:.4f}, native share {share:.0%}", flush=True)
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
