"""torchvision's ResNet-18, with a stem that suits the size of the pictures."""

from torch import nn
from torchvision.models import resnet18

__all__ = ["make_model"]

SMALL = 64  # up to this side the ImageNet stem, which divides the picture's side by four, would leave too little


def make_model(size: int, channels: int, classes: int) -> nn.Module:
    """Return an untrained ResNet-18, drawn from torch's global generator.

    Args:
        size: Side of the pictures in pixels.
        channels: 1 for gray pictures, 3 for colour; pictures above 64 pixels have 3.
        classes: Number of classes.
    """
    model: nn.Module = resnet18(num_classes=classes)
    if size <= SMALL:
        stem = nn.Conv2d(channels, 64, kernel_size=3, stride=1, padding=1, bias=False)
        nn.init.kaiming_normal_(stem.weight, mode="fan_out", nonlinearity="relu")  # as torchvision does
        model.conv1, model.maxpool = stem, nn.Identity()
    return model
