"""Which datasets are read natively: torchvision's, and `penstock.ImageDataset`.

A dataset is recognised by the function that makes its samples, which must be torchvision's own, and by its
attributes, which must be plain data of the expected kind. They are read when an iterator is made. Three samples
are then compared with what the dataset itself returns, which finds any change in torchvision that was not
foreseen.
"""

import collections
import contextlib
import copy
import dataclasses
import inspect
import itertools
import types
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np
import torch
from torch.utils.data import ConcatDataset, Subset, TensorDataset
from torchvision import datasets as tv

from penstock import _native
from penstock.datasets import ImageDataset, check_pixels
from penstock.lowering import folders, timm
from penstock.lowering.classes import check_class, check_version, name_of, threads_of
from penstock.lowering.followed import follow, is_own
from penstock.lowering.known import HOOKS, SHADOWS, instance_attribute, is_pristine, methods_of, plain_lookup
from penstock.lowering.own import kinds_in, lower_own, signature_of
from penstock.lowering.readers import (
    ArrayReader,
    ConcatReader,
    FileRef,
    ImageDatasetReader,
    Reader,
    SubsetReader,
    Targets,
)
from penstock.lowering.report import Row
from penstock.lowering.targets import is_pure
from penstock.lowering.transforms import describe
from penstock.lowering.views import lower_views
from penstock.ops.opaque import Opaque

__all__ = ["lower_dataset", "opens_files", "signature"]


# Reads the targets at some indices.
_Reader: TypeAlias = Callable[[_native.Integers], Targets]


@dataclasses.dataclass(frozen=True)
class _Kind:
    """A family of datasets with one `__getitem__`.

    Attributes:
        attributes: What that method reads, besides the transforms.
        pixels: Returns the images as an array (N, H, W) or (N, H, W, 3), or raises.
        targets: Returns the function that reads the targets of some indices.
        plain: Whether all of those are Python's or NumPy's numbers or strings: of tensors and arrays a function may
            warn, which torch's does in the worker.
    """

    attributes: tuple[str, ...]
    pixels: Callable[[Any], Any]
    targets: Callable[[Any], _Reader]
    plain: Callable[[Any], bool] = lambda _: True


def _array(data: Any) -> Any:
    if type(data) not in (np.ndarray, np.memmap):
        raise Opaque(f"its data is a {type(data).__name__}, not an array")
    return data


def _planar(data: Any) -> Any:
    array = _array(data)
    if array.ndim != 4:
        raise Opaque(f"its data has the shape {array.shape}")
    return array.transpose(0, 2, 3, 1)


def _tensor(data: Any) -> Any:
    if type(data) is not torch.Tensor or data.dtype != torch.uint8 or data.device.type != "cpu":
        raise Opaque("its data is not a uint8 tensor on the CPU")
    array = data.numpy()
    if array.ndim != 3:
        raise Opaque(f"its data has the shape {array.shape}")
    return array


def _as_they_are(dataset: Any) -> _Reader:
    targets = dataset.targets
    if type(targets) is list:
        return lambda indices: indices.pick(targets)
    return lambda indices: [targets[index] for index in indices]


def _ints(attribute: str) -> Callable[[Any], _Reader]:
    def reader(dataset: Any) -> _Reader:
        values = getattr(dataset, attribute)
        if values is None:
            return lambda indices: [None] * len(indices)
        if isinstance(values, torch.Tensor) and values.ndim == 1:
            values = values.numpy()  # reading one element of a tensor costs microseconds, of an array none
        return lambda indices: [int(values[index]) for index in indices]

    return reader


def _are_plain(dataset: Any) -> bool:
    targets = dataset.targets
    if type(targets) in (list, tuple):
        return all(kind in _PLAIN or issubclass(kind, np.number) for kind in set(map(type, targets)))
    if type(targets) is range:
        return True
    return type(targets) is np.ndarray and targets.ndim == 1 and targets.dtype.kind in "biufU"


def _qmnist(dataset: Any) -> _Reader:
    targets, compat = dataset.targets, dataset.compat
    return lambda indices: [int(targets[index][0]) if compat else targets[index] for index in indices]


_PLAIN = frozenset({bool, int, float, str, type(None)})
_CONTAINERS = frozenset({list, tuple, dict, collections.OrderedDict})
# The private attributes of a transform that count.
_PRIVATE = frozenset({"_fill", "_modules", "_policies", *HOOKS, *SHADOWS})
_KINDS: dict[Any, _Kind] = {
    tv.CIFAR10.__getitem__: _Kind(("data", "targets"), lambda d: _array(d.data), _as_they_are, _are_plain),
    tv.MNIST.__getitem__: _Kind(("data", "targets"), lambda d: _tensor(d.data), _ints("targets")),
    tv.QMNIST.__getitem__: _Kind(
        ("data", "targets", "compat"), lambda d: _tensor(d.data), _qmnist, lambda d: bool(d.compat)
    ),
    tv.SVHN.__getitem__: _Kind(("data", "labels"), lambda d: _planar(d.data), _ints("labels")),
    tv.STL10.__getitem__: _Kind(("data", "labels"), lambda d: _planar(d.data), _ints("labels")),
}


_IN_MEMORY = frozenset({TensorDataset.__getitem__, tv.FakeData.__getitem__})
_CONTAINERS_OF_ANYTHING = frozenset(
    kind.__getitem__ for kind in (torch.Tensor, np.ndarray, list, tuple, range, str, dict)
)


# What samples are made of, under any of the names that datasets have for it.
_ATTRIBUTES = sorted(
    {"target_transform"}
    | {name for kind in _KINDS.values() for name in kind.attributes}
    | {name for kind in (*folders.KINDS.values(), timm.KIND) for name in kind.attributes}
)


def lower_dataset(
    dataset: Any, *, snapshot: bool, kinds: frozenset[type] | None = None, follows: bool = True
) -> tuple[Reader, list[Row]]:
    """Return where a dataset's images are, and what to tell about it.

    Args:
        dataset: As the loader has it.
        snapshot: Whether it is for worker processes, so that targets are kept as they are now.
        kinds: Of which its indices may be; None if they are not known.
        follows: Whether it may be found out what the user's own `__getitem__` does.

    Raises:
        Opaque: If the dataset cannot be read natively; `args` are the rows.
    """
    method = getattr(type(dataset), "__getitem__", None)
    if method is Subset.__getitem__ or method is ConcatDataset.__getitem__:
        return _lower_wrapper(dataset, snapshot=snapshot, kinds=kinds, follows=follows)
    row = Row("dataset", name_of(dataset), False, "")
    try:
        if method is ImageDataset.__getitem__:
            return _lower_image_dataset(dataset, snapshot=snapshot)
        if (file_kind := _file_kind(method)) is not None:
            return _lower_files(dataset, file_kind, snapshot=snapshot)
        kind = _KINDS.get(method)
        if kind is None:
            known = type(dataset).__module__.partition(".")[0] in ("torch", "torchvision")
            known &= is_pristine(method)
            if not known and follows and type(method) is types.FunctionType:
                return lower_own(dataset, snapshot=snapshot, kinds=kinds)
            why = (
                folders.LEFT.get(method, "no native reader for it yet")
                if known
                else "its __getitem__ is code that penstock does not know"
            )
            raise Opaque(why)
        return _lower_array(dataset, kind, snapshot=snapshot)
    except Opaque as opaque:
        if opaque.args and isinstance(opaque.args[0], Row):
            raise
        raise Opaque(dataclasses.replace(row, reason=str(opaque))) from None


def opens_files(dataset: Any, *, collated: bool) -> bool:
    """Whether images may be opened by Pillow for a batch: unless they are known to be, or there are none, in memory.

    Args:
        dataset: As the loader has it.
        collated: Whether the user's own function makes batches of its samples.
    """
    method = getattr(type(dataset), "__getitem__", None)
    if method is Subset.__getitem__:
        return opens_files(dataset.dataset, collated=collated)
    if method is ConcatDataset.__getitem__:
        return any(opens_files(part, collated=collated) for part in dataset.datasets)
    if method in _CONTAINERS_OF_ANYTHING:
        return collated
    return method not in _IN_MEMORY


def signature(dataset: Any) -> list[Any]:
    """Return the objects that a dataset's samples depend on, to be compared by identity."""
    kind, values = type(dataset), vars(dataset)
    seen: list[Any] = [dataset, kind, kind.__getitem__, getattr(kind, "__getitems__", None), values.get("__getitems__")]
    if isinstance(dataset, Subset):
        return [*seen, dataset.indices, *signature(dataset.dataset)]
    if isinstance(dataset, ConcatDataset):
        return [*seen, *(item for part in dataset.datasets for item in signature(part))]
    if not _is_known(kind.__getitem__):
        depends, parts = signature_of(dataset)
        seen.extend(depends)
        for part in parts:
            _add_transform(seen, part)
        return seen
    seen.extend(values.get(name) for name in _ATTRIBUTES)
    file_kind = _file_kind(kind.__getitem__)
    if file_kind is not None or kind.__getitem__ is ImageDataset.__getitem__:
        seen.extend(folders.signature())
    transform = dataset.transform
    if file_kind is timm.KIND:
        seen.extend(timm.signature(dataset))
    if file_kind is not None and file_kind.joint:
        seen.append(values.get("transforms"))
        with contextlib.suppress(Opaque):
            transform, target_transform = file_kind.transforms_of(dataset)
            seen.append(target_transform)
    _add_transform(seen, transform)
    return seen


def _is_known(method: Any) -> bool:
    return method in _KINDS or _file_kind(method) is not None or method is ImageDataset.__getitem__


def _add_transform(seen: list[Any], transform: Any) -> None:
    """Add what a transform is made of; without workers this is done for every batch, so it must take little time."""
    seen.append(transform)
    if is_own(transform):
        # Of images of any mode: which one it is has been looked at when the transform was lowered.
        for mode in ("RGB", "L", None):
            with contextlib.suppress(Opaque):
                found = follow(transform, mode)
                seen.extend((found.held, *map(len, found.views)))
                for part in itertools.chain.from_iterable(found.views):
                    _add_transform(seen, part)
        return
    seen.extend(methods_of(type(transform)))
    for name, value in getattr(transform, "__dict__", {}).items():
        if name[0] == "_" and name not in _PRIVATE:
            continue
        seen.append(value)
        if type(value) in _CONTAINERS and value:
            parts = value.values() if isinstance(value, dict) else value
            if name in ("transforms", "_modules"):
                for part in parts:
                    _add_transform(seen, part)
            else:
                seen.extend(parts)


def _file_kind(method: Any) -> folders.FileKind | None:
    return folders.KINDS.get(method) or timm.kind_of(method)


def _check_target_transform(target_transform: Any) -> None:
    if target_transform is not None and not is_pure(target_transform):
        raise Opaque(f"its target_transform {describe(target_transform)} may draw or keep state")


def _bare(dataset: Any) -> Any:
    bare = copy.copy(dataset)
    names = {"transform", "target_transform"} | ({"transforms"} & vars(bare).keys())
    vars(bare).update(dict.fromkeys(names))
    return bare


def _lower_array(dataset: Any, kind: _Kind, *, snapshot: bool) -> tuple[Reader, list[Row]]:
    if not is_pristine(type(dataset).__getitem__):
        raise Opaque("its __getitem__ was patched")
    check_class(dataset, (*kind.attributes, "transform", "target_transform"))
    _check_target_transform(dataset.target_transform)
    pixels = kind.pixels(dataset)
    if pixels.dtype != np.uint8 or pixels.ndim not in (3, 4) or pixels.shape[3:] not in ((), (3,)):
        raise Opaque(f"its images are {pixels.dtype} of shape {pixels.shape}")
    if 0 in pixels.shape:
        raise Opaque("it holds no images")
    pipeline = lower_views(dataset.transform, "L" if pixels.ndim == 3 else "RGB", threads_of(in_workers=snapshot))
    bare = _bare(dataset)
    if snapshot:
        for name in kind.attributes:
            if name in ("targets", "labels"):
                vars(bare)[name] = _snapshot(vars(bare)[name])
    targets = kind.targets(bare)
    if dataset.target_transform is not None and not kind.plain(bare):
        raise Opaque(f"its target_transform {describe(dataset.target_transform)} of such targets may warn in a worker")
    _compare(bare, pixels, targets)
    check_version(dataset.transform, pipeline, pixels[0])
    source = _native.ArrayImages(pixels, pipeline.plans)
    if (refused := _native.Batch(source, [0], _native.Generator(0)).refused) is not None:
        name = describe(pipeline.steps[refused[1]].transform)
        raise Opaque(*pipeline.rows, Row("transform", name, False, "it raises for these images, so torch does it"))
    rows = [Row("dataset", name_of(dataset), True, f"read where it lies: {pixels.shape}, strides {pixels.strides}")]
    reader = ArrayReader(pixels, pipeline, targets, dataset.target_transform, bare)
    return reader, [*rows, *pipeline.rows, *_target_rows(dataset.target_transform)]


def _lower_files(dataset: Any, kind: folders.FileKind, *, snapshot: bool) -> tuple[Reader, list[Row]]:
    if not is_pristine(type(dataset).__getitem__):
        raise Opaque("its __getitem__ was patched")
    check_class(dataset, (*kind.attributes, *(("transforms",) if kind.joint else ("transform", "target_transform"))))
    kind.check(dataset)
    if kind.loader is None:
        folders.check_loader(dataset.loader)
    transform, target_transform = kind.transforms_of(dataset)
    _check_target_transform(target_transform)
    pipeline = lower_views(transform, "RGB", threads_of(in_workers=snapshot))
    if pipeline.fails:
        raise Opaque(*pipeline.rows, Row("transform", "(all)", False, "it raises for all images, so torch does it"))
    if any(step.shrinks for step in pipeline.steps):
        raise Opaque("a negative margin may leave nothing of a small image")
    lists, options = kind.values_of(dataset)
    if any(type(values) not in (list, tuple) for values in (*lists, *options)):
        raise Opaque("its samples are kept in neither a list nor a tuple")
    if snapshot:
        lists, options = [_snapshot(values) for values in lists], [_snapshot(values) for values in options]
    reader = folders.reader_of(
        kind,
        kind.look_up(*lists, *options),
        min(map(len, lists)),
        pipeline,
        loader=kind.loader or dataset.loader,
        target_transform=target_transform,
        bare=kind.bare(_bare(dataset), lists),
    )
    check_version(transform, pipeline)
    rows = [
        Row(
            "dataset",
            name_of(dataset),
            True,
            "JPEG, PNG and PPM files are read and decoded by threads, others by Pillow",
        )
    ]
    return reader, [*rows, *pipeline.rows, *_target_rows(target_transform)]


def _snapshot(values: Any) -> Any:
    """Return a copy that no later edit reaches."""
    return values.clone() if isinstance(values, torch.Tensor) else copy.copy(values)


def _compare(bare: Any, pixels: Any, targets: _Reader) -> None:
    """Compare some samples with the dataset's own."""
    for index in sorted({0, len(pixels) // 2, len(pixels) - 1}):
        try:
            image, target = bare[index]
            own = _one(targets, index)
        except Exception:  # noqa: S112 - raised again, in its place, when the sample is met
            continue
        same = type(own) is type(target) and bool(np.all(np.asarray(own) == np.asarray(target)))
        if not same or image.mode not in ("L", "RGB") or not np.array_equal(np.asarray(image), pixels[index]):
            raise Opaque(f"its sample {index} differs from what penstock reads")


def _one(targets: _Reader, index: int) -> Any:
    """Return one sample's target."""
    positions = _native.Integers.read([index])
    assert positions is not None  # noqa: S101 - an int
    return targets(positions)[0]


def _lower_image_dataset(dataset: Any, *, snapshot: bool) -> tuple[Reader, list[Row]]:
    check_class(dataset, ())
    for name in ("transform", "target_transform"):
        on_class = inspect.getattr_static(type(dataset), name)
        if hasattr(on_class, "__set__") or (name not in vars(dataset) and hasattr(on_class, "__get__")):
            raise Opaque(f"its {name!r} is no plain attribute")
    _check_target_transform(dataset.target_transform)
    threads = threads_of(in_workers=snapshot)
    gray, color = (lower_views(dataset.transform, mode, threads) for mode in ("L", "RGB"))
    files = []
    for where in _first_places(dataset):
        if isinstance(where, np.ndarray):
            check_pixels(where)
            check_version(dataset.transform, gray if where.ndim == 2 else color, where)
        else:
            files.append(FileRef(where, where) if isinstance(where, bytes) else FileRef.at(where))
    if files:
        check_version(dataset.transform, color)
        folders.check_files(files, color)
    if gray.fails and color.fails:
        raise Opaque(*color.rows, Row("transform", "(all)", False, "it raises for all images, so torch does it"))
    if any(step.shrinks for step in (*gray.steps, *color.steps)):
        raise Opaque("a negative margin may leave nothing of a small image")
    rows = [Row("dataset", name_of(dataset), True, "each image is read where locate() says it is")]
    shown = gray if color.fails else color
    return ImageDatasetReader(dataset, gray, color), [*rows, *shown.rows, *_target_rows(dataset.target_transform)]


def _first_places(dataset: Any) -> list[Any]:
    """Return where some of a dataset's images are, the first one and others if there are as many as it says."""
    places = []
    try:
        length = len(dataset)
    except Exception:
        length = 1
    for index in sorted({0, length // 2, length - 1}):
        try:
            where, _ = dataset.locate(index)
        except Exception:  # noqa: S112 - an empty dataset, one whose indices are no ints, or raised again later
            continue
        places.append(where)
    return places


def _target_rows(target_transform: Any) -> Iterator[Row]:
    if target_transform is not None:
        name = describe(target_transform)
        yield Row("transform", name, True, "target_transform, called in the caller's thread")


def _lower_wrapper(
    dataset: Any, *, snapshot: bool, kinds: frozenset[type] | None, follows: bool
) -> tuple[Reader, list[Row]]:
    is_subset = type(dataset).__getitem__ is Subset.__getitem__
    own = Row("dataset", name_of(dataset), False, "")
    getitems = getattr(type(dataset), "__getitems__", None)
    attributes = ("dataset", "indices") if is_subset else ("datasets", "cumulative_sizes")
    why = None
    own_getitems = getitems is Subset.__getitems__ and is_pristine(getitems)
    if not is_pristine(type(dataset).__getitem__) or (is_subset and not own_getitems):
        why = "its way of looking samples up is not torch's"
    elif not is_subset and getattr(dataset, "__getitems__", None):
        why = "it has __getitems__, which torch prefers"
    elif is_subset and "__getitems__" in vars(dataset):
        why = "its __getitems__ was replaced"
    elif not plain_lookup(type(dataset)) or not all(instance_attribute(dataset, name) for name in attributes):
        why = "its attributes are not plain"
    if why is not None:
        raise Opaque(dataclasses.replace(own, reason=why))
    native = dataclasses.replace(own, native=True, reason="indices are mapped")
    if is_subset:
        kinds = kinds_in(dataset.indices) if follows else None
        reader, rows = lower_dataset(dataset.dataset, snapshot=snapshot, kinds=kinds, follows=follows)
        indices = _snapshot(dataset.indices) if snapshot else dataset.indices
        in_bulk = callable(getattr(dataset.dataset, "__getitems__", None))
        return SubsetReader(indices, reader, in_bulk), [native, *rows]
    parts, all_rows = [], [native]
    for part in dataset.datasets:
        reader, rows = lower_dataset(part, snapshot=snapshot, kinds=kinds, follows=follows)
        parts.append(reader)
        all_rows += rows
    pipelines = [pipeline for part in parts for leaf in part.leaves() for pipeline in leaf.pipelines]
    dtypes = {pipeline.dtype for pipeline in pipelines if not pipeline.fails}
    if len(dtypes) > 1:
        raise Opaque(dataclasses.replace(own, reason="its parts' transforms return different dtypes"), *all_rows[1:])
    return ConcatReader(dataset.cumulative_sizes, parts), all_rows
