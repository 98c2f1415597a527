"""The colours of images whose pixels are numbers of a palette's colours: Pillow's mode "P".

What Pillow does to the colours is done, by Pillow, to an image of one pixel, and not before somebody asks for them.
"""

from collections.abc import Callable
from typing import Any

from PIL import Image

from penstock.conversion import CODES

__all__ = ["Palette"]


class Palette:
    """What the numbers of an image stand for.

    Args:
        make: Returns an image of one pixel that has these colours; called once.
    """

    __slots__ = ("_make", "_pixel")

    def __init__(self, make: Callable[[], Image.Image]) -> None:
        self._make = make
        self._pixel: Image.Image | None = None

    @staticmethod
    def of_file(header: Callable[[], Any]) -> "Palette":
        """Return the palette of a file.

        Args:
            header: Returns Pillow's image of the file, which need not be loaded.
        """

        def make() -> Image.Image:
            pixel = Image.new("P", (1, 1))
            pixel.palette = header().palette.copy()
            pixel.load()
            return pixel

        return Palette(make)

    def then(self, change: Callable[[Image.Image], Image.Image]) -> "Palette":
        """Return the palette of what a function of Pillow's makes of an image."""
        return Palette(lambda: change(self._image()))

    def colors(self) -> list[int] | None:
        """Return what Pillow's `getpalette` does."""
        return self._image().getpalette()

    def with_colors(self, colors: Any) -> "Palette":
        """Return what a palette becomes by Pillow's `putpalette`; raises what that raises."""
        pixel = self._image().copy()
        pixel.putpalette(colors)
        return Palette(lambda: pixel)

    def table(self, mode: str) -> bytes:
        """Return what Pillow makes of all 256 numbers in another mode: first all of one channel."""
        strip = self.image((CODES, 1), bytes(range(CODES))).convert(mode)
        return b"".join([band.tobytes() for band in strip.split()])

    def image(self, size: tuple[int, int], pixels: Any) -> Image.Image:
        """Return an image of Pillow's with this palette.

        Args:
            size: Width and height.
            pixels: Their numbers, one byte each.
        """
        image = self._image().resize(size) if size != (1, 1) else self._image().copy()
        image.frombytes(pixels)
        return image

    def _image(self) -> Image.Image:
        if self._pixel is None:
            self._pixel = self._make()
        return self._pixel
