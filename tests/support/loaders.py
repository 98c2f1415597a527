"""Hypothesis strategies for datasets, samplers and loaders over the generated pipelines."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st
from torch.utils.data import (
    BatchSampler,
    ConcatDataset,
    RandomSampler,
    Sampler,
    SequentialSampler,
    Subset,
    SubsetRandomSampler,
    WeightedRandomSampler,
)

from support.images import COLOR, FAMILIES, GRAY, PLANAR, TARGETS, Images, Layout, dataset_of
from support.pipelines import Pipeline, lengths, pipelines
from support.recipes import Recipe, call
from support.record import Walk

_seeds = st.one_of(st.integers(0, 3), st.integers(0, 2**64 - 1), st.just(2**40 + 5))

# ---------------------------------------------------------------------------------------------------------------
# datasets


@st.composite
def layouts(draw: Any, axes: int, *, tensor: bool = False) -> Layout:
    """A memory layout; torch's tensors have no negative strides."""
    order = tuple(draw(st.permutations(range(axes))))
    usual = [1, 1, 1, 2] if tensor else [1, 1, 1, 2, -1, -2, 0]
    steps = tuple(draw(st.lists(st.sampled_from(usual), min_size=axes, max_size=axes)))
    return Layout(order, steps, readonly=not tensor and draw(st.booleans()))


@dataclasses.dataclass(frozen=True)
class Family:
    """A dataset of torchvision's."""

    family: str
    count: int
    height: int
    width: int
    pipeline: Pipeline
    options: tuple[tuple[str, Any], ...] = ()
    target_transform: Recipe | None = None

    @property
    def promised(self) -> bool:
        # torch.tensor of a tensor warns, in torch's workers.
        passes_tensors = self.family.startswith("CIFAR") and dict(self.options).get("targets") == "tensor"
        return self.pipeline.promised and not (passes_tensors and self.target_transform)

    def make(self) -> Any:
        target_transform = self.target_transform and self.target_transform.make()
        return dataset_of(
            self.family,
            self.count,
            self.height,
            self.width,
            transform=self.pipeline.recipe.make(),
            target_transform=target_transform,
            **dict(self.options),
        )


@dataclasses.dataclass(frozen=True)
class Own:
    """A `penstock.ImageDataset` of images of these shapes."""

    shapes: tuple[tuple[int, ...], ...]
    pipeline: Pipeline
    seed: int = 0
    promised = True

    def make(self) -> Any:
        rng = np.random.default_rng(self.seed)
        arrays = [rng.integers(0, 256, shape, dtype=np.uint8)[::-1, ::-1] for shape in self.shapes]
        return Images(arrays, list(range(len(arrays))), self.pipeline.recipe.make())


@dataclasses.dataclass(frozen=True)
class Part:
    """A `Subset` of another dataset."""

    inner: Any
    indices: Any

    @property
    def promised(self) -> bool:
        return self.inner.promised

    @property
    def count(self) -> int:
        return len(self.indices)

    def make(self) -> Any:
        return Subset(self.inner.make(), self.indices)


@dataclasses.dataclass(frozen=True)
class Joined:
    """A `ConcatDataset` of other datasets."""

    parts: tuple[Any, ...]

    @property
    def promised(self) -> bool:
        return all(part.promised for part in self.parts)

    @property
    def count(self) -> int:
        return sum(part.count for part in self.parts)

    def make(self) -> Any:
        return ConcatDataset([part.make() for part in self.parts])


_LOOKUP = Recipe("operator.neg", None)
_target_transforms = st.sampled_from(
    [
        None,
        None,
        None,
        None,
        call("operator.itemgetter", 0),
        _LOOKUP,
        call("functools.partial", Recipe("torch.tensor", None)),
    ]
)


@st.composite
def families(draw: Any, pipeline: Pipeline | None = None, size: tuple[int, int] | None = None) -> Family:
    """A dataset of torchvision's, with a pipeline drawn for its images unless one is given."""
    family = draw(st.sampled_from(FAMILIES))
    height, width = draw(lengths), draw(lengths)
    options: dict[str, Any] = {"seed": draw(st.integers(0, 5))}
    if draw(st.booleans()):
        options["layout"] = draw(layouts(3 if family in GRAY else 4, tensor=family in GRAY))
    if family == "QMNIST":
        options["compat"] = draw(st.booleans())
    elif draw(st.booleans()):
        kinds = list(TARGETS) if family in COLOR else [kind for kind in TARGETS if kind in _WHOLE_NUMBERS]
        options["targets"] = draw(st.sampled_from([kind for kind in kinds if kind != "None"]))
    channels = 1 if family in GRAY else 3
    # torch's own workers are slow to start.
    pipeline = pipeline or draw(pipelines(height, width, channels, size=size, native=True))
    target_transform = None
    if options.get("targets", "list") in ("list", "int64", "tensor") and family != "QMNIST":
        target_transform = draw(
            st.sampled_from([None, None, _LOOKUP, call("functools.partial", Recipe("torch.tensor", None))])
        )
    return Family(family, draw(st.integers(1, 12)), height, width, pipeline, tuple(options.items()), target_transform)


_WHOLE_NUMBERS = ("list", "int64", "int32", "uint8", "bool", "backwards", "tensor", "tensor int32", "tuple", "range")


@st.composite
def index_lists(draw: Any, count: int, *, least: int = 1) -> Any:
    """Indices into a dataset of so many samples: repeated, negative, in a list, a range, an array or a tensor."""
    values = draw(st.lists(st.integers(-count, count - 1), min_size=least, max_size=10))
    kind = draw(st.sampled_from(["list", "list", "range", "array", "tensor", "tuple", "numpy ints"]))
    match kind:
        case "range":
            first = draw(st.integers(0, count - 1))
            return range(first, count)
        case "array":
            return np.array(values, dtype=draw(st.sampled_from([np.int64, np.int32, np.int16])))
        case "tensor":
            return torch.tensor(values)
        case "tuple":
            return tuple(values)
        case "numpy ints":
            return list(np.array(values))
    return values


@st.composite
def datasets(draw: Any) -> Any:
    """Any dataset: one of torchvision's, own images, subsets and concatenations, nested."""
    kind = draw(st.sampled_from(["family", "family", "own", "subset", "subset", "joined", "joined"]))
    if kind == "family":
        return draw(families())
    if kind == "own":
        return draw(own_images())
    depth = draw(st.integers(1, 2))
    if kind == "subset":
        inner: Any = draw(families())
        for _ in range(depth):
            inner = Part(inner, draw(index_lists(inner.count)))
        return inner
    return draw(joined(depth))


@st.composite
def joined(draw: Any, depth: int) -> Joined:
    """A concatenation whose parts give tensors of one shape and dtype, by pipelines of their own."""
    color, size = draw(st.booleans()), (draw(st.integers(1, 9)), draw(st.integers(1, 9)))
    ends = draw(
        st.sampled_from(
            [
                [call("v1.ToTensor")],
                [call("v2.ToImage"), call("v2.ToDtype", torch.float32, scale=True)],
                [call("v1.PILToTensor")],
                [call("v1.ToTensor"), call("v1.Normalize", [0.5], [0.25])],
            ]
        )
    )
    same = draw(st.booleans())

    def part(depth: int) -> Any:
        if depth and draw(st.booleans()):
            return Joined(tuple(part(depth - 1) for _ in range(draw(st.integers(1, 2)))))
        family = draw(st.sampled_from((*COLOR, *PLANAR) if color else GRAY))
        height, width = draw(st.integers(1, 9)), draw(st.integers(1, 9))
        crop = draw(st.sampled_from(["v1.RandomCrop", "v2.RandomCrop", "v2.CenterCrop"]))
        options = {} if crop == "v2.CenterCrop" else {"pad_if_needed": True}
        flips = [] if same else [call(draw(st.sampled_from(["v1.RandomHorizontalFlip", "v2.RandomVerticalFlip"])))]
        recipe = call("v1.Compose", [call(crop, size, **options), *flips, *ends])
        leaf = Family(
            family, draw(st.integers(1, 6)), height, width, Pipeline(recipe, promised=True), (("compat", True),)
        )
        return Part(leaf, draw(index_lists(leaf.count))) if draw(st.booleans()) else leaf

    whole = Joined(tuple(part(depth) for _ in range(draw(st.integers(1, 3)))))
    return Part(whole, draw(index_lists(whole.count))) if draw(st.booleans()) else whole


@st.composite
def own_images(draw: Any) -> Own:
    """Own data: gray and colour, of many sizes, brought to one shape."""
    size = (draw(st.integers(1, 9)), draw(st.integers(1, 9)))
    kind = draw(st.sampled_from(["gray", "color", "both"]))
    channels = {"gray": [()], "color": [(3,)], "both": [(), (3,)]}[kind]
    shapes = draw(
        st.lists(
            st.tuples(st.integers(1, 11), st.integers(1, 11), st.sampled_from(channels)).map(lambda s: (*s[:2], *s[2])),
            min_size=1,
            max_size=9,
        )
    )
    crop = draw(
        st.sampled_from(
            [
                call("v1.CenterCrop", size),
                call("v2.CenterCrop", size),
                call("v1.RandomCrop", size, pad_if_needed=True, padding_mode="edge"),
                call("v2.RandomCrop", size, padding=1, pad_if_needed=True, fill=9),
                call("v1.Resize", size),
                call("v2.RandomResizedCrop", size, interpolation=3),
            ]
        )
    )
    parts = [crop, call("v2.RandomVerticalFlip"), call("v1.ToTensor")]
    if kind == "both":  # three means make three channels of one
        parts.append(call("v2.Normalize", [0.5, 0.4, 0.3], [0.2, 0.3, 0.4]))
    if draw(st.booleans()):
        parts.append(call("v1.RandomHorizontalFlip"))
    return Own(tuple(shapes), Pipeline(call(draw(st.sampled_from(["v1.Compose", "v2.Compose"])), parts), promised=True))


# ---------------------------------------------------------------------------------------------------------------
# samplers


class Yielding(Sampler[Any]):
    """A sampler of the user's own, whose indices are of any kind and which draws while it is asked."""

    def __init__(self, values: Sequence[int], kind: str, *, draws: bool = False) -> None:
        self.values, self.kind, self.draws = values, kind, draws

    def __iter__(self) -> Iterator[Any]:
        convert = {
            "int": int,
            "np.int64": np.int64,
            "np.uint8": lambda value: np.int32(value),
            "tensor": torch.tensor,
            "int32 tensor": lambda value: torch.tensor(value, dtype=torch.int32),
        }[self.kind]
        for value in self.values:
            shift = int(torch.randint(0, 3, ())) if self.draws else 0
            yield convert((value + shift) % len(self.values) if self.draws else value)

    def __len__(self) -> int:
        return len(self.values)


@dataclasses.dataclass(frozen=True)
class Order:
    """In which order samples are taken: what goes to a loader's `sampler`, `shuffle` and `batch_sampler`."""

    kind: str
    values: Any = None
    seed: int | None = None
    number: int = 0
    flag: bool = False

    def arguments(self, count: int, batch_size: int, drop_last: bool) -> dict[str, Any]:
        """Arguments for a loader; two calls give samplers that do not share a generator."""
        generator = None if self.seed is None else torch.Generator().manual_seed(self.seed)
        batching = {"batch_size": batch_size, "drop_last": drop_last}
        indices = range(count)
        match self.kind:
            case "sequential":
                return {"generator": generator, **batching}
            case "shuffle":
                return {"shuffle": True, "generator": generator, **batching}
            case "random":
                sampler: Any = RandomSampler(indices, self.flag, self.number, generator)
            case "weighted":
                weights = [1.0 + value % 3 for value in range(count)]
                number = self.number if self.flag else min(self.number, count)
                sampler = WeightedRandomSampler(weights, number, self.flag, generator)
            case "subset":
                sampler = SubsetRandomSampler(self.values, generator)
            case "values":
                sampler = self.values
            case "batches":
                return {"batch_sampler": self.values, "generator": generator}
            case "batch sampler":
                inner = RandomSampler(indices, generator=generator) if self.flag else SequentialSampler(indices)
                return {"batch_sampler": BatchSampler(inner, **batching)}
            case kind:
                values = [value % count for value in range(self.number)]
                sampler = Yielding(values, kind, draws=self.flag)
        return {"sampler": sampler, **batching}


@st.composite
def orders(draw: Any, count: int) -> Order:
    """An order for a dataset of so many samples."""
    kind = draw(
        st.sampled_from(
            [
                *("sequential", "shuffle", "shuffle", "random", "weighted", "subset", "values", "batches"),
                *("batch sampler", "int", "np.int64", "tensor", "int32 tensor"),
            ]
        )
    )
    seed = draw(st.none() | _seeds) if kind != "values" else None
    number, flag = draw(st.integers(1, 40)), draw(st.booleans())
    values: Any = None
    if kind in ("subset", "values"):
        values = draw(index_lists(count))
    elif kind == "batches":
        values = draw(st.lists(index_lists(count), min_size=1, max_size=5))
    return Order(kind, values, seed, number, flag)


# ---------------------------------------------------------------------------------------------------------------
# loaders


@dataclasses.dataclass(frozen=True)
class Case:
    """A dataset, a loader over it, and how a program goes through it."""

    dataset: Any
    order: Order = Order("sequential")
    batch_size: int = 3
    drop_last: bool = False
    options: tuple[tuple[str, Any], ...] = ()
    walk: Walk = Walk()  # noqa: RUF009 - frozen
    seed: int = 0

    @property
    def promised(self) -> bool:
        return self.dataset.promised

    def loader(self, cls: Any) -> Any:
        """The loader, of this class."""
        dataset = self.dataset.make()
        arguments = self.order.arguments(len(dataset), self.batch_size, self.drop_last)
        return cls(dataset, **arguments, **dict(self.options))


@st.composite
def walks(draw: Any) -> Walk:
    """One to three epochs, some of them broken off."""
    epochs = draw(st.lists(st.one_of(st.none(), st.none(), st.integers(0, 4)), min_size=1, max_size=3))
    return Walk(tuple(epochs), draws=draw(st.booleans()), keeps=draw(st.booleans()))


@st.composite
def loader_options(draw: Any) -> tuple[tuple[str, Any], ...]:
    """Workers and what belongs to them."""
    options: dict[str, Any] = {}
    workers = draw(st.sampled_from([0, 0, 1, 2, 2, 3, 4]))
    if workers:
        options["num_workers"] = workers
        if draw(st.booleans()):
            options["persistent_workers"] = True
        if draw(st.booleans()):
            options["prefetch_factor"] = draw(st.integers(1, 4))
        if draw(st.integers(0, 5)) == 0:
            options["multiprocessing_context"] = draw(st.sampled_from(["fork", "spawn"]))
    if draw(st.integers(0, 9)) == 0:
        options["pin_memory"] = True
    return tuple(options.items())


@st.composite
def loader_cases(draw: Any, dataset: Any) -> Case:
    """A loader of any kind over datasets of one kind."""
    chosen = draw(dataset)
    count = len(chosen.shapes) if isinstance(chosen, Own) else chosen.count
    return Case(
        chosen,
        draw(orders(count)),
        draw(st.integers(1, 7)),
        draw(st.booleans()),
        draw(loader_options()),
        draw(walks()),
        draw(_seeds),
    )


@st.composite
def small_cases(draw: Any) -> Case:
    """A small loader over any pipeline for images of one size."""
    family = draw(st.sampled_from(FAMILIES))
    height, width = draw(lengths), draw(lengths)
    pipeline = draw(pipelines(height, width, 1 if family in GRAY else 3))
    workers = draw(st.sampled_from([(), (), (("num_workers", 2),)]))
    return Case(Family(family, 5, height, width, pipeline), options=workers, batch_size=draw(st.integers(1, 5)))
