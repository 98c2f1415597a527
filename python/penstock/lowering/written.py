"""What the last pass writes of images that are to be delivered: in their final type and memory format, or as bytes.

It converts by a table and writes wherever an element belongs, so neither costs anything there. What is not written so
is done to a whole batch on its device.
"""

import dataclasses
from typing import Any

import torch

from penstock.delivery.form import Form
from penstock.delivery.tables import CODES, Coded, codes_of
from penstock.lowering.readers import Reader
from penstock.lowering.report import Row
from penstock.lowering.transforms import Pipeline
from penstock.ops.opaque import Opaque

__all__ = ["Written", "left", "write"]

_KEPT = "noise that is erased with, or numbers that were changed, are the values of no bytes"


@dataclasses.dataclass(frozen=True)
class Written:
    """How a loader's images are written.

    Attributes:
        form: What they are to be when they are delivered.
        tables: If bytes are written, the values of each channel's, by the number of channels.
    """

    form: Form
    tables: dict[int, torch.Tensor]

    def made(self, images: torch.Tensor) -> Any:
        """Return what stands for a batch's images until they are delivered."""
        return Coded(images, self.tables[images.shape[1]]) if self.tables else images


def write(reader: Reader, form: Form, *, mixes: bool) -> tuple[Written | None, list[Row]]:
    """Have a dataset's images be written as they are to be delivered, as far as that can be done.

    Args:
        reader: Where they are; its pipelines are exchanged.
        form: What they are to be.
        mixes: Whether a batch's images are mixed once they are written.

    Returns:
        How they are written, None if as ever; and what is to be told about it.
    """
    leaves = list(reader.leaves())
    pipelines = [pipeline for leaf in leaves for pipeline in leaf.pipelines if not pipeline.fails]
    if mixes:
        return None, [_row(False, "values are mixed")] if form.as_bytes else []
    # What erases draws numbers of the type that the transforms make.
    if any(pipeline.kept and form.dtype_of(pipeline.dtype) != pipeline.dtype for pipeline in pipelines):
        return None, [_row(False, _KEPT)] if form.as_bytes else []
    exchanged = {id(pipeline): _converted(pipeline, form) for pipeline in pipelines}
    tables: dict[int, torch.Tensor] = {}
    rows = []
    if form.as_bytes and all(pipeline.dtype.itemsize == 1 for pipeline in exchanged.values()):
        rows = [_row(True, "images are bytes themselves")]
    elif form.as_bytes:
        try:
            coded = _coded([*exchanged.values()], form)
        except Opaque as opaque:
            rows = [_row(False, str(opaque))]
        else:
            rows = [_row(True, "a table makes the values of bytes")]
            exchanged = dict(zip(exchanged, (pipeline for pipeline, _ in coded), strict=True))
            tables = {len(table): table for _, table in coded}
    for leaf in leaves:
        leaf.rewrite([exchanged.get(id(pipeline), pipeline) for pipeline in leaf.pipelines])
    return Written(form, tables), rows


def left(form: Form, *, recorded: bool, workers: int) -> Row:
    """Return what to tell about bytes that are to travel for a loader that is not lowered.

    Args:
        form: What images are to be.
        recorded: Whether they may be recorded.
        workers: How many there are.
    """
    if form.where != "cuda":
        return _row(False, _elsewhere(form))
    if recorded and not workers:
        return _row(False, "without workers images that record have values when they are collated")
    if recorded:
        return _row(True, "of images that record and stand in lists, tuples and dictionaries; of others values")
    return _row(False, "torch's own machinery makes values")


def _elsewhere(form: Form) -> str:
    return f"to {form.where} torch's own `to` takes values"


def _converted(pipeline: Pipeline, form: Form) -> Pipeline:
    assert pipeline.table is not None  # noqa: S101 - it does not fail
    table = pipeline.table.to(form.dtype_of(pipeline.dtype))
    return pipeline if table is pipeline.table else pipeline.with_table(table)


def _coded(pipelines: list[Pipeline], form: Form) -> list[tuple[Pipeline, torch.Tensor]]:
    """Return pipelines that write bytes, each with the values of these.

    Raises:
        Opaque: If there are none; it says why.
    """
    if form.where != "cuda":
        raise Opaque(_elsewhere(form))
    coded = []
    for pipeline in pipelines:
        if pipeline.kept:
            raise Opaque(_KEPT)
        table = pipeline.table
        assert table is not None  # noqa: S101 - it does not fail
        codes = codes_of(table)
        if codes is None:
            raise Opaque("a constant margin, or what is erased with, is the value of no byte")
        coded.append((pipeline.with_table(codes), table[:, :CODES].contiguous()))
    for _, table in coded:
        if any(len(other) == len(table) and not _same(other, table) for _, other in coded):
            raise Opaque("the same bytes stand for different values")
    return coded


def _same(one: torch.Tensor, other: torch.Tensor) -> bool:
    return one.dtype == other.dtype and torch.equal(one.view(torch.uint8), other.view(torch.uint8))


def _row(as_bytes: bool, how: str) -> Row:
    return Row("transfer", "uint8", as_bytes, how if as_bytes else f"{how}, so they go over the bus as they are")
