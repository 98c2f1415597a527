"""From a loader to a native plan, or to the reasons why there is none."""

import dataclasses
import operator
import os
from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.data import IterableDataset, default_collate, default_convert

from penstock import _native, compat
from penstock.compat.torch import default_collate_fn_map, dispatch_modes, function_modes
from penstock.cores import cores
from penstock.delivery.form import Form
from penstock.generators import Draws
from penstock.lowering import by_index, worker_init
from penstock.lowering.collation import entries_of, start_method, why_changed
from penstock.lowering.datasets import lower_dataset, opens_files, signature
from penstock.lowering.known import module_hooks
from penstock.lowering.mixing import Mixing, mixing_of
from penstock.lowering.own import kinds_of
from penstock.lowering.pillow import keeps_pixels_as_known, why_not
from penstock.lowering.readers import Reader
from penstock.lowering.report import Report, Row
from penstock.lowering.timm import Copying, copying_of
from penstock.lowering.transforms import functions
from penstock.lowering.written import Written, left, write
from penstock.ops.mix import MIXED
from penstock.ops.opaque import Opaque

__all__ = ["Lowered", "lower", "threads_for"]


@dataclasses.dataclass(frozen=True)
class Lowered:
    """A loader as it was when an iterator was made.

    Attributes:
        reader: Where the images are.
        report: What to tell about it.
        seen: The objects that all this was read from.
        draws: From which generators the making of a batch draws.
        decodes: Whether any image may be in a file, of which it shows late whether it can be decoded.
        mixing: What the collate_fn does, if it is not `default_collate`.
        written: How the images are written, if they are to be delivered.
    """

    reader: Reader
    report: Report
    seen: tuple[Any, ...]
    draws: Draws
    decodes: bool
    mixing: Mixing | Copying | None
    written: Written | None

    def is_current(self, loader: Any, collate_fn: Any) -> bool:
        """Whether dataset, transforms and process are still what was lowered, and what the collate_fn does."""
        now = _signature(loader)
        same = len(now) == len(self.seen) and all(map(operator.is_, now, self.seen))
        if not same or next(_process_guards(), None) is not None:
            return False
        if self.mixing is None:
            return True
        try:
            return self.mixing.is_same(copying_of(collate_fn) or mixing_of(collate_fn))
        except Opaque:
            return False


def lower(loader: Any, form: Form | None = None) -> Lowered | Report:
    """Return what Rust threads need to make a loader's batches, or the report that says why they cannot.

    Args:
        loader: A `torch.utils.data.DataLoader`; read as it is now.
        form: What its images are to be when they are delivered, if they are.
    """
    rows: list[Row] = []
    reader = mixing = copying = None
    process = list(_process_guards())
    blockers = [*process, *_guards(loader)]
    if isinstance(loader.dataset, IterableDataset):
        blockers.append(Row("dataset", type(loader.dataset).__name__, False, "an IterableDataset"))
    elif not process and compat.why_not(compat.LOWERING) is None:  # which would lead astray what looks into transforms
        try:
            follows = os.environ.get("PENSTOCK_RECORD", "") != "1"
            snapshot, of_indices = loader.num_workers > 0, kinds_of(loader)
            reader, rows = lower_dataset(loader.dataset, snapshot=snapshot, kinds=of_indices, follows=follows)
        except Opaque as opaque:
            rows = list(opaque.args)
    collated = Row("collation", "default_collate", True, "images are made in place, targets collated by torch")
    if loader.collate_fn is not default_collate:
        name = getattr(loader.collate_fn, "__qualname__", type(loader.collate_fn).__name__)
        collated = Row("collation", name, True, "images are mixed in place, targets by torch")
        try:
            if reader is None:
                raise Opaque("a collate_fn of the user's own")
            copying = copying_of(loader.collate_fn)
            if copying is not None:
                collated = Row("collation", name, True, "images are made in place, targets collated by timm")
                if form is not None:
                    raise Opaque("its batches are not delivered natively")
                copying.check([pipeline for leaf in reader.leaves() for pipeline in leaf.pipelines])
            else:
                mixing = mixing_of(loader.collate_fn)
        except Opaque as opaque:
            blockers.append(Row("collation", name, False, str(opaque)))
    collates = mixing is not None or copying is not None or loader.collate_fn is default_collate
    if reader is not None and collates:
        pipelines = [pipeline for leaf in reader.leaves() for pipeline in leaf.pipelines]
        kinds = {kind for pipeline in pipelines for kind in pipeline.kinds}
        holders = {kind for pipeline in pipelines if pipeline.layout for kind in pipeline.layout.holders()}
        if (reason := why_changed(kinds, holders, loader)) is not None:
            blockers.append(Row("collation", "default_collate_fn_map", False, reason))
        if (
            any(pipeline.reads_process for pipeline in pipelines)
            and loader.num_workers
            and start_method(loader) != "fork"
        ):
            reason = "it looks at what a worker that is not forked need not have"
            blockers.append(Row("dataset", type(loader.dataset).__name__, False, reason))
        layouts = {pipeline.layout for pipeline in pipelines}
        is_plain = loader.collate_fn is default_collate and form is None
        if layouts != {None} and not is_plain:
            reason = "samples that are no pairs of an image and a target are neither mixed nor delivered natively"
            blockers.append(Row("dataset", "(result)", False, reason))
        if any(pipeline.views for pipeline in pipelines) and not is_plain:
            reason = "several views of an image are neither mixed nor delivered natively"
            blockers.append(Row("transform", "(result)", False, reason))
        shapes = {(pipeline.held, pipeline.outputs, pipeline.layout) for pipeline in pipelines if not pipeline.fails}
        if len(shapes) > 1:
            blockers.append(Row("transform", "(result)", False, "its images differ in the number of their views"))
        if mixing is not None and any(pipeline.dtype not in MIXED for pipeline in pipelines):
            blockers.append(Row("collation", collated.name, False, "only float32 and float64 are mixed natively"))
    rows = [*rows, _sampler_row(loader), *blockers]
    if not any(row.part == "collation" for row in blockers):
        rows.append(collated)
    rows.extend(by_index.row_of(loader, rows, mixes=mixing is not None))
    rng = by_index.rng_of(loader)
    if reader is None or not all(row.native for row in rows):
        recorded = not process and rng == "torch" and _may_record(loader)
        if recorded and (reason := _why_none_records()) is not None:
            rows.append(Row("recording", "images", False, reason))
            recorded = False
        if form is not None and form.as_bytes:
            rows.append(left(form, recorded=recorded, workers=loader.num_workers))
        return Report(tuple(rows), "recorded" if recorded else "torch", rng=rng)
    nbytes = _batch_bytes(loader, reader)
    written, told = (None, list[Row]()) if form is None else write(reader, form, mixes=mixing is not None)
    report = Report((*rows, *told), "lowered", threads_for(loader.num_workers), nbytes, rng=rng)
    leaves = list(reader.leaves())
    draws = Draws.NONE if mixing is None else Draws.TORCH
    for leaf in leaves:
        for pipeline in leaf.pipelines:
            draws |= pipeline.draws
    decodes = any(leaf.source is None for leaf in leaves)
    return Lowered(reader, report, tuple(_signature(loader)), draws, decodes, mixing or copying, written)


def _may_record(loader: Any) -> bool:
    """Whether the loader's images may be recorded by torch's workers: whether it may open any, and all is known."""
    wanted = os.environ.get("PENSTOCK_RECORD", "")
    if wanted == "0":
        return False
    if loader.num_workers > 0 and not loader.prefetch_factor:
        return False
    collated = loader.collate_fn is not default_collate and loader.collate_fn is not default_convert
    return wanted == "1" or opens_files(loader.dataset, collated=collated)


def _why_none_records() -> str | None:
    reason = compat.why_not(compat.RECORDING)
    if not keeps_pixels_as_known():
        reason = f"{reason}: its images keep their pixels elsewhere; those of Pillow 11 and newer record"
    return reason or why_not()


def _signature(loader: Any) -> list[Any]:
    entries = entries_of(default_collate_fn_map).values()
    # Of workers each has one. Numbers of that size are the same objects.
    threads = min(torch.get_num_threads(), 256) if loader.num_workers == 0 else 1
    return [*signature(loader.dataset), *functions(), *module_hooks(), *entries, threads]


def threads_for(num_workers: int) -> int:
    """Return how many threads work for an iterator; no part of the result depends on it."""
    override = os.environ.get("PENSTOCK_NUM_THREADS", "")
    if override.isdecimal() and int(override) > 0:
        return int(override)
    return num_workers if num_workers > 0 else cores()


def _process_guards() -> Iterator[Row]:
    """Yield a row for each thing about the process that rules out the native way."""
    if torch.get_default_dtype() != torch.float32:
        yield Row("loader", "default dtype", False, f"{torch.get_default_dtype()}; plans are made for float32")
    if torch.get_default_device().type != "cpu":
        yield Row("loader", "default device", False, f"{torch.get_default_device()}; transforms would draw there")
    if dispatch_modes() or function_modes():
        yield Row("loader", "torch mode", False, "a dispatch or function mode is active")


def _guards(loader: Any) -> Iterator[Row]:
    """Yield a row for each thing about the loader, or the libraries, that rules out the native way."""
    if (reason := compat.why_not(compat.LOWERING)) is not None:
        yield Row("loader", f"torch {torch.__version__}", False, reason)
    if loader.batch_sampler is None:
        yield Row("loader", "batch_size=None", False, "samples are not batched")
    if loader.num_workers > 0 and (reason := worker_init.why_not(loader)) is not None:
        yield Row("loader", "worker_init_fn", False, reason)
    if loader.timeout and not loader.num_workers:
        yield Row("loader", "timeout", False, "torch refuses it without workers")
    if loader.num_workers > 0 and not loader.prefetch_factor:
        yield Row("loader", "prefetch_factor=0", False, "torch refuses it")


def _sampler_row(loader: Any) -> Row:
    sampler = loader.batch_sampler if loader.batch_sampler is not None else loader.sampler
    inner = getattr(sampler, "sampler", sampler)
    return Row("sampler", type(inner).__name__, True, "torch's or the user's own object, in the caller's thread")


def _batch_bytes(loader: Any, reader: Reader) -> int | None:
    if loader.batch_size is None:
        return None
    for leaf in reader.leaves():
        if leaf.source is not None:
            shapes = _native.Batch(leaf.source, [0], _native.Generator(0)).shapes
            elements = sum(torch.Size(shape).numel() for shape in shapes)
            return int(loader.batch_size * elements * leaf.pipelines[0].dtype.itemsize)
    return None
