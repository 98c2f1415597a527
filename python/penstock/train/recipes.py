"""The recipes, as data: a good set of values for each data set, and those that have a name.

A value that is not here is the default of `Recipe`'s field.
"""

from collections.abc import Mapping
from typing import Any

__all__ = ["DATA", "RECIPES"]

DATA: Mapping[str, Mapping[str, Any]] = {
    # Few images and many passes over them: what keeps the network from learning them by heart is turned up.
    "digits": {
        "epochs": 10,
        "batch_size": 32,
        "lr": 0.02,
        "warmup": 0.4,
        "weight_decay": 5e-3,
        "label_smoothing": 0.1,
    },
    "cifar10": {"epochs": 26, "batch_size": 512, "lr": 0.2},
    "cifar100": {"epochs": 40, "batch_size": 512, "lr": 0.2, "label_smoothing": 0.1},
    "mnist": {"epochs": 5, "batch_size": 128, "lr": 0.05},
    "fashion-mnist": {"epochs": 15, "batch_size": 128, "lr": 0.05},
    "folder": {
        "epochs": 16,
        "batch_size": 256,
        "lr": 0.125,
        "warmup": 0.1,
        "weight_decay": 5e-5,
        "label_smoothing": 0.1,
    },
}

# The ResNet-18 of Keller Jordan's cifar10-zoo (commit d5a9ca5, airbench/baselines/train_resnet18_94.py and _96.py). It
# reports a mean of 94.00 % after 26 epochs and 95.88 % after 80, with mirror images in testing.
# What differs here, and so whose accuracy these need not have:
# * There, normalised images are mirrored, then a square of 12 pixels is cut out, then they are moved by up to four
#   pixels. Here they are moved and mirrored while they are bytes, then normalised, and the square is cut out last, so
#   that it is always whole.
# * There, weights are in half precision. Here the network runs under autocast, its weights are float32.
# * There, the weights are drawn as torch draws a layer's. Here they are drawn as torchvision draws a ResNet's.
_CIFAR10 = {
    "data": "cifar10",
    "batch_size": 500,
    "lr": 0.2,
    "warmup": 0.2,
    "first_lr": 0.2,
    "weight_decay": 5e-4,
    "padding_mode": "reflect",
    "cutout": 12,
    "tta": "mirror",
}
RECIPES: Mapping[str, Mapping[str, Any]] = {
    # What a first script for CIFAR-10 has: torchvision's network and ImageNet's mean and deviation, as they are.
    "cifar10-seed": {
        "data": "cifar10",
        "epochs": 10,
        "batch_size": 128,
        "lr": 0.01,
        "schedule": "constant",
        "nesterov": False,
        "weight_decay": 0.0,
        "statistics": "imagenet",
        "stem": "imagenet",
        "amp": False,
    },
    "cifar10-94": {**_CIFAR10, "epochs": 26},
    "cifar10-96": {**_CIFAR10, "epochs": 80},
    # The ResNet-18 of libffcv/ffcv-imagenet (commit 4dd291a, 16 epochs), at one resolution, without its blurred pools,
    # and tested on crops of 224 pixels: random crops that are resized make things look larger in training.
    "folder-160": {
        "data": "folder",
        "epochs": 16,
        "batch_size": 1024,
        "lr": 0.5,
        "warmup": 0.125,
        "first_lr": 1e-4,
        "nesterov": False,
        "weight_decay": 5e-5,
        "decay_norms": False,
        "label_smoothing": 0.1,
        "crop": 160,
        "tta": "mirror",
    },
}
