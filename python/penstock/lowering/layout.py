"""Where in a sample its images are, and where the rest: what is collated with the images left out.

torch's own `default_collate` makes a batch of samples in which something without pixels stands for each image, so that
lists, dictionaries, strings and errors are its own; then the batches of images take those places.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from penstock.compat.torch import collate, default_collate_fn_map
from penstock.delivery.structures import rebuilt

__all__ = ["Layout", "Place", "collated", "placed"]


@dataclasses.dataclass(frozen=True)
class Place:
    """Stands for an image.

    Attributes:
        view: The number of its view.
    """

    view: int

    def pin_memory(self) -> "Place":
        """Return it as it is; what is moved are the images."""
        return self


@dataclasses.dataclass(frozen=True)
class Layout:
    """A sample, or a part of one.

    Attributes:
        kind: `Place` for an image, None for a single thing of the rest, or the type that holds the parts.
        number: Of the view or in the rest.
        keys: Of a dictionary.
        parts: What is held.
    """

    kind: type | None
    number: int = 0
    keys: tuple[Any, ...] = ()
    parts: tuple["Layout", ...] = ()

    def views(self) -> Iterator[int]:
        """Yield the numbers of the views in it, in the order in which they are collated."""
        if self.kind is Place:
            yield self.number
        for part in self.parts:
            yield from part.views()

    def holders(self) -> Iterator[type]:
        """Yield the types of what holds images, from the outermost one on."""
        if self.kind not in (None, Place) and any(True for _ in self.views()):
            assert self.kind is not None  # noqa: S101 - just seen
            yield self.kind
        for part in self.parts:
            yield from part.holders()

    @property
    def target(self) -> "Layout | None":
        """What comes behind the image in a pair of one image and the rest; None of another sample."""
        is_pair = self.kind in (tuple, list) and len(self.parts) == 2 and self.parts[0] == Layout(Place)
        return self.parts[1] if is_pair and not [*self.parts[1].views()] else None

    def fill(self, rest: Sequence[Any]) -> Any:
        """Return a sample, with places for its images.

        Args:
            rest: What else is in it.
        """
        if self.kind is None:
            return rest[self.number]
        if self.kind is Place:
            return Place(self.number)
        parts = [part.fill(rest) for part in self.parts]
        return dict(zip(self.keys, parts, strict=True)) if self.kind is dict else self.kind(parts)


def collated(samples: list[Any], check: Callable[[int], None]) -> Any:
    """Return what default_collate makes of samples with places for their images.

    Args:
        samples: As `Layout.fill` gives them.
        check: Raises what default_collate raises for the images of a view.
    """

    def collate_places(places: Sequence[Place], *, collate_fn_map: Mapping[Any, Any]) -> Place:  # noqa: ARG001 - torch's
        check(places[0].view)
        return places[0]

    return collate(samples, collate_fn_map={**default_collate_fn_map, Place: collate_places})


def placed(batch: Any, images: Sequence[Any]) -> Any:
    """Return a batch with images in their places.

    Args:
        batch: As `collated` gives it.
        images: Of each view.
    """
    return rebuilt(batch, lambda each: images[each.view] if type(each) is Place else each)


@functools.lru_cache(maxsize=512)
def same(layout: Layout, _keys: str) -> Layout:
    """Return the same object for the same layout."""
    return layout
