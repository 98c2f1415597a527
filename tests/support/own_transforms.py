"""Callables of a user's own around torchvision's transforms, in the forms in which programs have them."""

from torch import nn

__all__ = ["Each", "Inner", "Stages", "Views", "closure"]


class Each:
    """A Compose of its own."""

    def __init__(self, transforms):
        self.transforms = transforms

    def __call__(self, image):
        """Make one after another."""
        for transform in self.transforms:
            image = transform(image)
        return image


class Inner:
    """A preset, which has the rest in attributes, the one that may be missing first."""

    def __init__(self, transforms):
        self.first, *self.rest = transforms or [None]
        self.inner = Each(self.rest)

    def __call__(self, image, more=True):
        """Make the first one if there is one, and the others."""
        if self.first is not None:
            image = self.first(image)
        return self.inner(image) if more else image


class Stages(nn.Module):
    """A module of modules and of others."""

    def __init__(self, transforms):
        super().__init__()
        self.stages = nn.ModuleList([each for each in transforms[:1] if isinstance(each, nn.Module)])
        self.others = transforms[len(self.stages) :]

    def forward(self, image):
        """Make one after another."""
        for stage in self.stages:
            image = stage(image)
        for other in self.others:
            image = other(image)
        return image


def closure(transforms):
    """Return a function that knows the transforms by a cell."""

    def transform(image):
        made = [image]
        for each in transforms:
            made = [each(made[0])]
        return made[0]

    return transform


class Views:
    """Several views of an image, as self-supervised programs make them."""

    def __init__(self, transforms, held="list"):
        self.transforms, self.held = transforms, held

    def __call__(self, image):
        """Make one after another of the same image."""
        views = [transform(image) for transform in self.transforms]
        if self.held == "dict":
            return {f"view {k}": view for k, view in enumerate(views)}
        return tuple(views) if self.held == "tuple" else views
