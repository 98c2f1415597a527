"""Train on a cluster with Ray: each of its workers has penstock's loader, in the place of torch's.

python examples/ray_train.py --workers 2

Ray rebuilds the loader that it is given, of the class of that name. Its workers are processes of their own, so it is
the function that they run that installs penstock's.
"""

import argparse
import tempfile
from pathlib import Path

import made_up
import ray
import torch
from ray import train
from ray.train import RunConfig, ScalingConfig
from ray.train.torch import TorchTrainer
from torch import nn
from torchvision import transforms
from torchvision.datasets import ImageFolder


def work(config):
    """Train on one worker's share of the images; Ray keeps what is reported after each epoch."""
    import penstock

    penstock.install()  # before a loader is made: Ray makes its own of the one that it is given

    from ray.train.torch import prepare_data_loader, prepare_model
    from torch.utils.data import DataLoader

    size, context = config["size"], train.get_context()
    steps = [transforms.RandomResizedCrop(size), transforms.RandomHorizontalFlip(), transforms.ToTensor()]
    dataset = ImageFolder(config["data"], transforms.Compose(steps))
    loader = prepare_data_loader(DataLoader(dataset, batch_size=8, shuffle=True, num_workers=1))
    # Not `dataset.classes`: of a function that names `classes`, Ray would send the module torch.classes, and cannot.
    model = nn.Sequential(nn.AvgPool2d(size // 4), nn.Flatten(), nn.Linear(48, len(dataset.class_to_idx)))
    model = prepare_model(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for epoch in range(config["epochs"]):
        if context.get_world_size() > 1:  # one worker's sampler is as it was
            loader.sampler.set_epoch(epoch)
        for images, labels in loader:
            loss = nn.functional.cross_entropy(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        metrics = {"loss": loss.item(), "native_share": penstock.stats(loader).native_share}
        with tempfile.TemporaryDirectory() as folder:
            checkpoint = None
            if context.get_world_rank() == 0:
                alone = getattr(model, "module", model)  # one worker's is not wrapped
                torch.save(alone.state_dict(), Path(folder) / "model.pt")
                checkpoint = train.Checkpoint.from_directory(folder)
            train.report(metrics, checkpoint=checkpoint)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, help="an ImageFolder, seen by all machines; a small one is made if not given"
    )
    parser.add_argument("--size", type=int, default=32, help="of the crops, a multiple of 4")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument(
        "--out", help="where Ray keeps checkpoints, seen by all machines; they are deleted if not given"
    )
    args = parser.parse_args()

    with tempfile.TemporaryDirectory() as scratch:
        if args.data is None:
            made_up.folder(Path(scratch))
            args.data = Path(scratch) / "images"
        config = {"data": str(args.data.resolve()), "size": args.size, "epochs": args.epochs}
        trainer = TorchTrainer(
            work,
            train_loop_config=config,
            scaling_config=ScalingConfig(num_workers=args.workers),
            run_config=RunConfig(storage_path=args.out or scratch),
        )
        metrics = trainer.fit().metrics
        ray.shutdown()
    print(f"loss {metrics['loss']:.4f}, native share {metrics['native_share']:.0%}")


if __name__ == "__main__":
    main()
