"""Random `__getitem__`s, as source code: of parts that are followed, and of some that are not."""

import dataclasses
import os
import random
from pathlib import Path
from typing import Any

import torch
from hypothesis import strategies as st
from PIL import Image

from support.own_getitems import LABELS, Own

__all__ = ["Program", "programs"]

_GLOBALS = {"os": os, "Path": Path, "torch": torch, "random": random, "Image": Image, "LABELS": LABELS}
_INDICES = ("i", "i", "i % len(self)", "self.order[i]", "(i + 3) % 12", "-1 - i", "self.order[self.order[i]]")
_PATHS = (
    *("self.samples[{}][0]", "self.text[{}]", "os.path.join(self.root, self.names[{}])", "self.paths[{}]"),
    *("Path(self.root) / self.names[{}]", "self.records[{}]['path']", "self.root + '/' + self.names[{}]"),
)
# Of one type in all samples, or one that cannot be collated; some raise for some of the samples.
_VALUES = (
    *("i", "self.labels[{}]", "int(self.array[{}])", "self.array[{}]", "self.tensor[{}]", "self.weights[{}]"),
    *("float(self.labels[{}])", "torch.tensor(self.labels[{}])", "torch.as_tensor([self.labels[{}], 2])"),
    *("self.classes[{}].upper()", "LABELS[self.classes[{}]]", "self.table.get(self.names[{}], -1)"),
    *("self.records[{}]['box']", "self.labels[{}] * 2 + 1", "len(self.names[{}])", "str(self.labels[{}]).zfill(3)"),
    *(
        "self.paths[{}].stem",
        "self.names[{}].split('/')[-1]",
        "None",
        "'text'",
        "2.5",
        "self.labels[:9][0]",
        "self.train",
    ),
    *("self.short[{}]", "self.gaps[self.names[{}]]", "self.mixed[{}]", "(self.labels[{}], 'x')"),
)
_UNPROVED = (
    *("random.random()", "float(torch.rand(()))", "7 if self.labels[{}] else 8", "self.labels[{}] > 0"),
    *("[each for each in self.records[{}]['box']]", "f'{{self.names[{}]}}'", "int(self.labels[{}] is None)"),
    *("self.calls if self.labels[{}] == 1 else -1", "image.size[0]", "min(self.labels[{}], 3)", "int(i in self.order)"),
)
_OPENED = (
    ("image = Image.open({}).convert('RGB')",),
    ("image = Image.open({})", "image = image.convert('RGB')"),
    ("with Image.open({}) as image:", "    image = image.convert('RGB')"),
    ("with open({}, 'rb') as file:", "    image = Image.open(file).convert('RGB')"),
)


@dataclasses.dataclass(frozen=True)
class Program:
    """A `__getitem__`.

    Attributes:
        source: Its body.
        is_followed: Whether all of its parts are followed.
    """

    source: str
    is_followed: bool

    def make(self, paths: list[Path]) -> Any:
        """Return a data set with it."""
        names: dict[str, Any] = {}
        exec(f"def __getitem__(self, i):\n{self.source}", dict(_GLOBALS), names)  # noqa: S102 - ours, made above
        dataset = type("Generated", (Own,), names)(paths)
        dataset.short = dataset.labels[:9]
        dataset.gaps = {name: k for k, name in enumerate(dataset.names) if k != 4}
        dataset.mixed = [3, 4.5, "a", None, 2] * len(paths)
        return dataset


@st.composite
def programs(draw: Any) -> Program:
    """Draw a program."""
    is_followed = True
    values: list[str] = []
    lines: list[list[str]] = [[], [], []]
    for number in range(draw(st.integers(0, 3))):
        is_known = draw(st.integers(0, 7)) > 0
        part = draw(st.sampled_from(_VALUES if is_known else _UNPROVED))
        place = draw(st.integers(0, 2))
        if "image" in part:
            place = 1
        # A part of a list that is the same for all indices is not followed either.
        is_followed &= is_known and ":9" not in part
        lines[place].append(f"value{number} = {part.format(draw(st.sampled_from(_INDICES)))}")
        values.append(f"value{number}")
    path = draw(st.sampled_from(_PATHS)).format(draw(st.sampled_from(_INDICES)))
    opened = [line.format(path) for line in draw(st.sampled_from(_OPENED))]
    views = [f"view{number}" for number in range(draw(st.sampled_from([1, 1, 2])))]
    body = [*lines[0], *opened, *lines[1], *(f"{view} = self.transform(image)" for view in views), *lines[2]]
    held = draw(st.permutations([*views, *values]))
    match draw(st.sampled_from(["tuple", "list", "dict", "nested", "views first"])):
        case "tuple":
            result = f"({', '.join(held)},)"
        case "list":
            result = f"[{', '.join(held)}]"
        case "dict":
            result = f"{{{', '.join(f'{name!r}: {name}' for name in held)}}}"
        case "nested":
            result = f"({held[0]}, {{'more': [{', '.join(held[1:])}]}})" if len(held) > 1 else held[0]
        case _:
            result = f"{', '.join(views)}{', ' * bool(values)}{', '.join(values)}"
    return Program("\n".join(f"    {line}" for line in [*body, f"return {result}"]), is_followed)
