"""Somebody's own data set: what its `__getitem__` was found to do, done in the thread that iterates."""

import contextlib
import dataclasses
import functools
import io
import itertools
import operator
import weakref
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import (
    BatchSampler,
    RandomSampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)
from torch.utils.data.distributed import DistributedSampler
from torchvision.datasets import folder

from penstock.lowering import folders
from penstock.lowering.classes import check_class, name_of, threads_of
from penstock.lowering.frames import is_frame, keep_frame
from penstock.lowering.getitem import Found, How, follow_getitem
from penstock.lowering.kept import keep
from penstock.lowering.known import is_pristine
from penstock.lowering.lookups import Steps, Unproved
from penstock.lowering.pillow import why_not
from penstock.lowering.readers import FileReader, FileRef, LeafReader, Reader
from penstock.lowering.report import Row
from penstock.lowering.transforms import Pipeline
from penstock.lowering.verify import sample_agrees
from penstock.lowering.views import lower_found
from penstock.ops.opaque import Opaque

__all__ = ["kinds_in", "kinds_of", "lower_own", "signature_of"]

# Samplers of torch's whose indices are all ints.
_OF_INTS = (SequentialSampler, RandomSampler, WeightedRandomSampler, DistributedSampler)
_PICKLING = ("__getstate__", "__setstate__", "__reduce__", "__reduce_ex__", "__getnewargs__", "__getnewargs_ex__")
_MAY_DO_MORE = "its __getitem__ may do more than compute with what it looks up"
_CONVERT = Image.Image.convert
# How many samples are looked at to see whether most files are decoded natively, and how many are compared.
_LOOKED_AT, _COMPARED = 8, 3
# What data sets depended on when their samples were compared.
_agreed: "weakref.WeakKeyDictionary[Any, list[Any]]" = weakref.WeakKeyDictionary()


def _opened_by(how: How, where: Any) -> Any:
    """Open an image as the user's code does, but for its conversion."""
    if how == "bytes":
        return Image.open(io.BytesIO(where))
    return Image.open(where)


def _loaded_by(how: How, where: Any) -> Any:
    """Open an image as the user's code does."""
    if how == "file":
        with open(where, "rb") as file:  # noqa: PTH123 - which has a text of its own where a path is none
            return Image.open(file).convert("RGB")
    if how in ("default_loader", "pil_loader"):
        return getattr(folder, how)(where)
    with _opened_by(how, where) as image:
        return image.convert("RGB")


class OwnReader(FileReader):
    """Looks samples up as a `__getitem__` was found to do it.

    Args:
        found: What it does.
        steps: The same steps as there, on what the data set held when it was read, or holds.
        kinds: Of which an index may be; of any if None.
        pipeline: For RGB.
    """

    def __init__(self, found: Found, steps: Steps, kinds: frozenset[type] | None, pipeline: Pipeline) -> None:
        super().__init__(self.look_up, functools.partial(_loaded_by, found.how), pipeline, self.rest)
        self._found, self._steps, self._kinds = found, steps, kinds

    def walk(self, indices: Sequence[Any]) -> Iterator[tuple[LeafReader, Any, Any]]:
        """See `Reader`.

        Raises:
            Unproved: If a sample is another one than those of which is known what is done.
        """
        for index in indices:
            if self._kinds is not None and type(index) not in self._kinds:
                raise Unproved(f"an index that is a {type(index).__name__}")
            yield self, *self.look_up(index)

    def look_up(self, index: Any) -> tuple[FileRef, list[Any]]:
        """Return where a sample's image is, and what was looked up before its first transform."""
        found, steps = self._found, self._steps
        values = steps.begin(index)
        steps.take(values, 0, found.opened)
        where = values[found.where]
        # What is looked up once the image is opened raises only if that does not.
        for first, last, opens in (
            (found.opened, found.converted, self._peek),
            (found.converted, found.drawn, self.open),
        ):
            try:
                steps.take(values, first, last)
            except Unproved:
                raise
            except Exception:
                opens(where)
                raise
        return self._file(where), values

    def _peek(self, where: Any) -> None:
        if self._found.how == "file":
            with open(where, "rb") as file:  # noqa: PTH123 - as above
                Image.open(file)
        else:
            _opened_by(self._found.how, where).close()

    def _file(self, where: Any) -> FileRef:
        if self._found.how == "bytes":
            return FileRef(where, where if type(where) is bytes else None)
        native = isinstance(where, (str, PurePath)) and str(where)
        return FileRef(where, native or None)

    def rest(self, values: list[Any]) -> Any:
        """Return what comes with an image, once its transforms are done."""
        self._steps.take(values, self._found.drawn, None)
        rest = [values[slot] for slot in self._found.rest]
        layout = self._found.layout
        return (layout.target or layout).fill(rest)


def kinds_of(loader: Any) -> frozenset[type] | None:
    """Return the kinds of which the indices are that a loader's sampler gives; None if they are not known."""
    batches = loader.batch_sampler
    if type(batches) is not BatchSampler or not is_pristine(BatchSampler):
        return None
    sampler = batches.sampler
    if type(sampler) in _OF_INTS and is_pristine(type(sampler)):
        return frozenset({int})
    if type(sampler) is SubsetRandomSampler and is_pristine(SubsetRandomSampler):
        return kinds_in(sampler.indices)
    return kinds_in(sampler)


def kinds_in(indices: Any) -> frozenset[type] | None:
    """Return the kinds of some indices; None if they are not known, or other ones than whole numbers."""
    if type(indices) is range:
        return frozenset({int})
    if type(indices) is np.ndarray and indices.ndim == 1 and indices.dtype.kind == "i":
        return frozenset({indices.dtype.type})
    if type(indices) is torch.Tensor and indices.ndim == 1 and indices.dtype == torch.int64:
        return frozenset({torch.Tensor})
    if type(indices) not in (list, tuple):
        return None
    kinds = frozenset(map(type, indices))
    return kinds if all(kind is int or issubclass(kind, np.signedinteger) for kind in kinds) else None


def signature_of(dataset: Any) -> tuple[list[Any], tuple[Any, ...]]:
    """Return the objects that a sample depends on, to be compared by identity, and the transforms besides."""
    try:
        return _signature(follow_getitem(dataset))
    except Opaque:
        return _opens(), ()


def _opens() -> list[Any]:
    """Return what images are opened by, as it is now."""
    return [*folders.signature(), Image.Image.convert]


def _signature(found: Found) -> tuple[list[Any], tuple[Any, ...]]:
    return [*_opens(), *found.signature(), *map(len, found.views)], tuple(itertools.chain.from_iterable(found.views))


def lower_own(dataset: Any, *, snapshot: bool, kinds: frozenset[type] | None) -> tuple[Reader, list[Row]]:
    """Return where the images of somebody's own data set are, and what to tell about it.

    Args:
        dataset: As the loader has it.
        snapshot: Whether it is for worker processes, so that what it holds is kept as it is now.
        kinds: Of which its indices may be; None if they are not known.

    Raises:
        Opaque: If it is not known what it does for an index.
    """
    check_class(dataset, ())
    if not hasattr(dataset, "__dict__"):
        raise Opaque("it has no attributes of its own")
    if (reason := why_not()) is not None:
        raise Opaque(reason)
    try:
        found = follow_getitem(dataset)
    except Opaque as opaque:
        raise Opaque(f"its __getitem__ is code that penstock does not know: {opaque}") from None
    if Image.Image.convert is not _CONVERT:
        raise Opaque("Pillow's way of converting images was changed")
    if found.how.endswith("loader"):
        folders.check_loader(getattr(folder, found.how))
    if found.asks_kind and kinds != frozenset({int}):
        raise Opaque("its __getitem__ asks of what kind an index is, and the sampler is not known to give ints")
    if snapshot and kinds is None:
        raise Opaque("it is not known of what kind the indices are that its sampler gives")
    steps = found.steps
    if snapshot:
        try:
            steps = steps.kept(
                lambda value: keep_frame(value) if is_frame(value) else keep(value),
                [_some(kind) for kind in kinds or ()],
            )
        except Unproved as unproved:
            raise Opaque(f"{_MAY_DO_MORE}: {unproved}") from None
    pipeline = _pipeline_of(dataset, found, threads_of(in_workers=snapshot))
    reader = OwnReader(found, steps, kinds if snapshot or found.asks_kind else None, pipeline)
    _compare(dataset, found, reader, pipeline)
    how = "its __getitem__ was followed: files are read and decoded by threads, what it looks up in the caller's"
    return reader, [Row("dataset", name_of(dataset), True, how), *pipeline.rows]


def _some(kind: type) -> Any:
    return torch.tensor(0) if kind is torch.Tensor else kind(0)


def _pipeline_of(dataset: Any, found: Found, threads: int) -> Pipeline:
    pickles_itself = any(getattr(type(dataset), name, None) is not getattr(object, name, None) for name in _PICKLING)
    held = None if len(found.views) == 1 else list
    pipeline = lower_found(found.views, held, "RGB", threads, reads_process=found.reads_process or pickles_itself)
    if pipeline.fails:
        raise Opaque(*pipeline.rows, Row("transform", "(all)", False, "it raises for all images, so torch does it"))
    if any(step.shrinks for step in pipeline.steps):
        raise Opaque("a negative margin may leave nothing of a small image")
    return dataclasses.replace(pipeline, layout=None if found.layout.target else found.layout)


def _compare(dataset: Any, found: Found, reader: OwnReader, pipeline: Pipeline) -> None:
    """Look at some samples, and compare those that are decoded natively with the data set's own."""
    try:
        count = len(dataset)
    except Exception:
        raise Opaque("it has no length") from None
    looked_up = []
    for index in sorted({count * k // _LOOKED_AT for k in range(_LOOKED_AT)} | {count - 1}):
        try:
            looked_up.append((index, *reader.look_up(index)))
        except Unproved as unproved:
            raise Opaque(f"{_MAY_DO_MORE}: {unproved}") from None
        except Exception:  # noqa: S112 - raised again, in its place, when the sample is met
            continue
    if not looked_up:
        raise Opaque("it holds no images")
    native = folders.check_files([file for _, file, _ in looked_up], pipeline)
    seen, parts = _signature(found)
    seen += parts
    try:
        known = _agreed.get(dataset)
    except TypeError:
        known = None
    if known is not None and len(known) == len(seen) and all(map(operator.is_, known, seen)):
        return
    chosen = [sample for sample, is_native in zip(looked_up, native, strict=True) if is_native][:_COMPARED]
    for index, file, values in chosen:
        try:
            pixels, rest = np.asarray(reader.open(file.where)), reader.rest(values)
        except Unproved as unproved:
            raise Opaque(f"{_MAY_DO_MORE}: {unproved}") from None
        except Exception:  # noqa: S112 - the same
            continue
        if not sample_agrees(dataset, index, pixels, pipeline, rest):
            raise Opaque(f"its sample {index} differs from what penstock makes")
    with contextlib.suppress(TypeError):
        _agreed[dataset] = seen
