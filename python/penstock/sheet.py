"""A sheet of images: pairs of before and after, with a line of text under each."""

import dataclasses
import math
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

__all__ = ["Sample", "draw"]

# In pixels.
_SIDE, _GAP, _TEXT = 160, 8, 14
_PAIRS_IN_A_ROW = 4
_PAPER, _INK, _GRAY = "white", "black", "#d0d0d0"


@dataclasses.dataclass(frozen=True)
class Sample:
    """What is drawn of a sample.

    Attributes:
        text: Under its images.
        before: The image before augmentation; None if it is not known.
        after: What was made of it.
    """

    text: str
    before: Image.Image | None
    after: Image.Image


def draw(samples: Sequence[Sample], title: str, note: str) -> Image.Image:
    """Return a sheet.

    Args:
        samples: From the upper left to the lower right; one at least.
        title: Its first line.
        note: Its second one.
    """
    font = _font()
    columns = min(_PAIRS_IN_A_ROW, math.ceil(math.sqrt(len(samples))))
    width, height = 2 * _SIDE + 3 * _GAP, _SIDE + 2 * _GAP + _TEXT
    head = 2 * (_TEXT + _GAP) + _GAP
    lines = [title, f"left: before augmentation; {note}"]
    measured = max(int(font.getlength(_shown(line))) for line in lines) + 2 * _GAP
    size = (max(columns * width, measured), head + math.ceil(len(samples) / columns) * height)
    sheet = Image.new("RGB", size, _PAPER)
    pen = ImageDraw.Draw(sheet)
    for row, line in enumerate(lines):
        pen.text((_GAP, _GAP + row * (_TEXT + _GAP // 2)), _shown(line), fill=_INK, font=font)
    for number, sample in enumerate(samples):
        row, column = divmod(number, columns)
        left, top = column * width + _GAP, head + row * height
        for place, image in enumerate((sample.before, sample.after)):
            corner = left + place * (_SIDE + _GAP), top
            if image is None:
                pen.rectangle((*corner, corner[0] + _SIDE - 1, corner[1] + _SIDE - 1), outline=_GRAY)
                pen.text((corner[0] + _GAP, corner[1] + _GAP), "not known", fill=_INK, font=font)
            else:
                fitted = _fitted(image)
                across, down = ((_SIDE - side) // 2 for side in fitted.size)
                sheet.paste(fitted, (corner[0] + across, corner[1] + down))
        pen.text(
            (left, top + _SIDE + _GAP // 2), _cut(_shown(sample.text), font, width - 2 * _GAP), fill=_INK, font=font
        )
    return sheet


def _fitted(image: Image.Image) -> Image.Image:
    """Return an image in colour whose longer side is that of a place: pixels of small ones stay visible."""
    scale = _SIDE / max(image.size)
    width, height = (max(1, round(side * scale)) for side in image.size)
    how = Image.Resampling.NEAREST if scale > 1 else Image.Resampling.LANCZOS
    return image.convert("RGB").resize((width, height), how)


def _font() -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    try:
        return ImageFont.load_default(12)
    except (TypeError, OSError, ImportError):  # of Pillow before 10.1, or without FreeType
        return ImageFont.load_default()


def _shown(text: str) -> str:
    """Return a line of text that every font of Pillow's has letters for."""
    return " ".join(text.split()).encode("latin-1", "replace").decode("latin-1")


def _cut(text: str, font: ImageFont.ImageFont | ImageFont.FreeTypeFont, width: int) -> str:
    """Return as much of a text as there is room for."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}...") > width:
        text = text[:-1]
    return f"{text}..."
