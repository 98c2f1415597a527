"""torchvision's ResNet-18 with a stem that suits the size of the images, and what it learns by."""

import numpy as np
import torch
from torch import nn
from torchvision.models import resnet18

from penstock.train.recipe import Recipe

__all__ = ["learning_rate", "make_model", "make_optimizer"]

SMALL = 64  # up to this side the ImageNet stem, which divides the image's side by four, would leave too little


def make_model(size: int, channels: int, classes: int, stem: str = "auto") -> nn.Module:
    """Return an untrained ResNet-18, drawn from torch's global generator.

    Args:
        size: Side of the images in pixels.
        channels: 1 for gray images, 3 for colour; images above 64 pixels have 3.
        classes: Number of classes.
        stem: "auto" for one that suits the size; "imagenet" for torchvision's.
    """
    model: nn.Module = resnet18(num_classes=classes)
    if size <= SMALL and stem == "auto":
        first = nn.Conv2d(channels, 64, kernel_size=3, stride=1, padding=1, bias=False)
        nn.init.kaiming_normal_(first.weight, mode="fan_out", nonlinearity="relu")  # as torchvision does
        model.conv1, model.maxpool = first, nn.Identity()
    return model


def make_optimizer(recipe: Recipe, model: nn.Module) -> torch.optim.Optimizer:
    """Return a recipe's SGD over a model's parameters."""
    norms = {
        id(each) for module in model.modules() if isinstance(module, nn.BatchNorm2d) for each in module.parameters()
    }
    kept = [] if recipe.decay_norms else [each for each in model.parameters() if id(each) in norms]
    names = {id(each) for each in kept}
    groups = [{"params": [each for each in model.parameters() if id(each) not in names]}]
    if kept:
        groups.append({"params": kept, "weight_decay": 0.0})  # type: ignore[dict-item]
    return torch.optim.SGD(
        groups,
        lr=recipe.lr,
        momentum=recipe.momentum,
        weight_decay=recipe.weight_decay,
        nesterov=recipe.nesterov,
        fused=True,
    )


def learning_rate(recipe: Recipe, progress: float) -> float:
    """Return a step's learning rate.

    Being a function of the progress alone, it leaves a checkpoint nothing to save.

    Args:
        recipe: Whose schedule it is.
        progress: The share of all steps that lie behind.
    """
    if recipe.schedule == "constant":
        return recipe.lr
    return recipe.lr * float(np.interp(progress, [0, recipe.warmup, 1], [recipe.first_lr, 1, 0]))
