"""Loaders that other packages make, and datasets and transforms that are theirs."""

import os

import numpy as np
import pytest
import torch
import torch.utils.data
from support.both_loaders import Opened, assert_program, write_images
from torchvision import transforms as v1
from torchvision.transforms import functional as F

import penstock

# Nothing here is on a hub, and nobody may ask one.
os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", NO_ALBUMENTATIONS_UPDATE="1")

MEAN, STD = [0.5] * 3, [0.25] * 3
TRAIN = v1.Compose([v1.RandomResizedCrop(32), v1.RandomHorizontalFlip(), v1.ToTensor(), v1.Normalize(MEAN, STD)])

workers = pytest.mark.parametrize("workers", [0, 2])


@pytest.fixture
def paths(tmp_path):
    return write_images(tmp_path / "images")


# ---------------------------------------------------------------------------------------------------------------
# timm


# It leaves the files that it opens to the garbage collector.
unclosed = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")


@unclosed
@workers
@pytest.mark.parametrize("is_training", [True, False])
def test_a_loader_of_timms(is_training, workers, paths):
    from timm.data import ImageDataset, create_loader

    def program():
        dataset = ImageDataset(str(paths[0].parents[1]))
        return create_loader(
            dataset,
            input_size=(3, 32, 32),
            batch_size=4,
            is_training=is_training,
            use_prefetcher=False,
            color_jitter=None,
            interpolation="random" if is_training else "bicubic",
            num_workers=workers,
            persistent_workers=False,
        )

    assert_program(program, way="lowered")


@unclosed
@workers
@pytest.mark.parametrize("mixes", [False, True])
def test_what_timm_collates_as_bytes(mixes, workers, paths):
    """Its defaults: images stay bytes until they are on the device; mixing looks at the values."""
    from timm.data import FastCollateMixup, ImageDataset, create_loader
    from timm.data.loader import fast_collate

    def program():
        loader = create_loader(
            ImageDataset(str(paths[0].parents[1])),
            input_size=(3, 32, 32),
            batch_size=4,
            is_training=True,
            color_jitter=None,
            interpolation="random",
            collate_fn=FastCollateMixup(mixup_alpha=0.2, num_classes=2) if mixes else None,
            num_workers=workers,
            persistent_workers=False,
            device=torch.device("cpu"),
        )
        assert mixes or loader.loader.collate_fn is fast_collate
        return loader.loader

    stats = assert_program(program, None if mixes else 1.0, way="recorded" if mixes else "lowered")
    assert stats.by_library == 0


@unclosed
def test_what_timm_wraps_around_a_loader_is_explained(paths):
    from timm.data import ImageDataset, create_loader

    dataset = ImageDataset(str(paths[0].parents[1]))
    with penstock.installed():
        loader = create_loader(dataset, (3, 32, 32), 4, device=torch.device("cpu"), num_workers=0)
    assert type(loader) is not type(loader.loader) is penstock.DataLoader
    assert penstock.explain(loader) == penstock.explain(loader.loader)
    next(iter(loader))
    assert penstock.stats(loader).way == penstock.stats(loader.loader).way == penstock.explain(loader).way


@unclosed
@workers
def test_transforms_of_timms(workers, paths):
    from timm.data import create_dataset, create_transform

    def program():
        transform = create_transform(224, is_training=True, color_jitter=None)
        dataset = create_dataset("", root=str(paths[0].parents[1]), split="train", transform=transform)
        return torch.utils.data.DataLoader(dataset, batch_size=4, shuffle=True, num_workers=workers)

    assert_program(program, way="lowered")


@unclosed
@workers
def test_what_timm_erases_is_recorded(workers, paths):
    from timm.data import ImageDataset, create_loader

    def program():
        dataset = ImageDataset(str(paths[0].parents[1]))
        return create_loader(
            dataset,
            input_size=(3, 32, 32),
            batch_size=4,
            is_training=True,
            use_prefetcher=False,
            auto_augment="rand-m9-mstd0.5",
            re_prob=1.0,
            num_workers=workers,
            persistent_workers=False,
        )

    assert_program(program)


# ---------------------------------------------------------------------------------------------------------------
# Hugging Face


def _transform(rows):
    """A transform of theirs, which is given columns."""
    return {"pixels": [TRAIN(image.convert("RGB")) for image in rows["image"]], "label": rows["label"]}


def _rows(paths, as_bytes):
    from datasets import Dataset, Image

    images = [{"bytes": path.read_bytes(), "path": None} if as_bytes else str(path) for path in paths]
    return Dataset.from_dict({"image": images, "label": list(range(len(paths)))}).cast_column("image", Image())


@workers
@pytest.mark.parametrize("as_bytes", [False, True], ids=["paths", "bytes"])
def test_rows_of_hugging_face_by_set_transform(as_bytes, workers, paths):
    rows = _rows(paths, as_bytes)
    rows.set_transform(_transform)
    assert_program(lambda: torch.utils.data.DataLoader(rows, batch_size=4, shuffle=True, num_workers=workers))


@workers
def test_rows_of_hugging_face_by_with_transform_in_one_mode(workers, paths):
    from datasets import Image

    rows = _rows(paths, as_bytes=False).cast_column("image", Image(mode="RGB")).with_transform(_transform)
    assert_program(lambda: torch.utils.data.DataLoader(rows, batch_size=4, num_workers=workers), epochs=2)


@workers
def test_rows_of_hugging_face_transformed_by_the_collate_fn(workers, paths):
    rows = _rows(paths, as_bytes=True)

    def collate(samples):
        pixels = torch.stack([TRAIN(sample["image"].convert("RGB")) for sample in samples])
        return {"pixels": pixels, "labels": torch.tensor([sample["label"] for sample in samples])}

    assert_program(
        lambda: torch.utils.data.DataLoader(rows, batch_size=4, shuffle=True, num_workers=workers, collate_fn=collate)
    )


@workers
def test_rows_of_hugging_face_as_tensors_are_made_of_arrays(workers, paths):
    rows = _rows(paths, as_bytes=False).with_format("torch")
    assert_program(lambda: torch.utils.data.DataLoader(rows, batch_size=1, num_workers=workers), share=0.0)


# ---------------------------------------------------------------------------------------------------------------
# albumentations


class Augmented(Opened):
    """Passes arrays to albumentations."""

    def __init__(self, paths):
        import albumentations as A
        from albumentations.pytorch import ToTensorV2

        steps = [A.RandomResizedCrop((32, 32)), A.HorizontalFlip(p=0.5), A.Normalize(), ToTensorV2()]
        super().__init__(paths, A.Compose(steps, seed=1))

    def __getitem__(self, index):
        return self.transform(image=np.array(self.open(index)))["image"], index


@workers
def test_albumentations(workers, paths):
    assert_program(
        lambda: torch.utils.data.DataLoader(Augmented(paths), batch_size=4, num_workers=workers), share=0.0, epochs=2
    )


# ---------------------------------------------------------------------------------------------------------------
# frameworks that rebuild loaders


@workers
def test_accelerate_rebuilds_our_loader(workers, paths):
    from accelerate import Accelerator

    def program():
        loader = torch.utils.data.DataLoader(Opened(paths, TRAIN), batch_size=4, shuffle=True, num_workers=workers)
        return Accelerator(cpu=True).prepare(loader)

    stats = assert_program(program, epochs=2)
    assert stats.samples == 2 * len(paths)


def test_accelerate_rebuilds_a_loader_that_was_made_before(paths):
    from accelerate import Accelerator

    loader = torch.utils.data.DataLoader(Opened(paths, TRAIN), batch_size=4)
    assert type(loader) is not penstock.DataLoader
    with penstock.installed():
        prepared = Accelerator(cpu=True).prepare(loader)
    assert type(prepared.base_dataloader) is penstock.DataLoader
    assert len(list(prepared)) == 3
    assert penstock.stats(prepared).native_share == 1


class Mean(torch.nn.Module):
    """A model that learns something."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(3))

    def forward(self, pixels, labels):
        loss = (pixels.mean(dim=(2, 3)) @ self.weight - labels).square().mean()
        return {"loss": loss, "logits": pixels.mean(dim=(2, 3))}


class Named(Opened):
    def __getitem__(self, index):
        return {"pixels": F.normalize(F.to_tensor(F.center_crop(self.open(index), 32)), MEAN, STD), "labels": 1.0}


def test_the_trainer_of_hugging_face_makes_our_loader(paths, tmp_path):
    from transformers import Trainer, TrainingArguments

    def weights():
        arguments = TrainingArguments(
            output_dir=str(tmp_path / "out"),
            per_device_train_batch_size=4,
            num_train_epochs=2,
            learning_rate=0.1,
            report_to=[],
            save_strategy="no",
            disable_tqdm=True,
            use_cpu=True,
            seed=3,
        )
        made = []

        class Watched(Trainer):
            def get_train_dataloader(self):
                made.append(super().get_train_dataloader())
                return made[-1]

        trainer = Watched(model=Mean(), args=arguments, train_dataset=Named(paths))
        trainer.train()
        return made[-1], trainer.model.weight.detach()

    theirs, expected = weights()
    assert type(theirs.base_dataloader) is not penstock.DataLoader
    with penstock.installed():
        ours, weight = weights()
    assert type(ours.base_dataloader) is penstock.DataLoader
    assert torch.equal(weight, expected)
    stats = penstock.stats(ours)
    assert (stats.samples, stats.native_share) == (2 * len(paths), 1.0)
