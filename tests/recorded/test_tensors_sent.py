"""Tensors of every kind that a worker may send arrive as they do from torch's workers."""

import warnings

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

import penstock

KINDS = {
    "of one number": lambda: torch.tensor(3),
    "floats": lambda: torch.arange(6.0).view(2, 3),
    "bools": lambda: torch.tensor([True, False]),
    "bfloat16": lambda: torch.ones(3, dtype=torch.bfloat16),
    "float8": lambda: torch.ones(3).to(torch.float8_e4m3fn),
    "uint16": lambda: torch.ones(3, dtype=torch.uint16),
    "complex": lambda: torch.tensor([1 + 2j, 3]),
    "conjugated": lambda: torch.tensor([1 + 2j, 3]).conj(),
    "negated": lambda: torch._neg_view(torch.ones(3)),
    "none": lambda: torch.empty(0, 3),
    "in one channel": lambda: torch.ones(4, 5, 1).permute(2, 0, 1),
    "transposed": lambda: torch.arange(6.0).view(2, 3).T,
    "a part": lambda: torch.arange(9)[2:5],
    "expanded": lambda: torch.ones(1).expand(4),
    "a parameter": lambda: torch.nn.Parameter(torch.ones(2)),
    "with a gradient": lambda: torch.ones(2, requires_grad=True),
    "of an operation": lambda: torch.ones(2, requires_grad=True) * 2,
    "of inference": lambda: _of_inference(),
    "of the meta device": lambda: torch.empty(3, device="meta"),
    "nested": lambda: torch.nested.nested_tensor([torch.ones(2), torch.zeros(3)]),
    "jagged": lambda: torch.nested.nested_tensor([torch.ones(2), torch.zeros(3)], layout=torch.jagged),
    "quantized": lambda: torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8),
    "sparse": lambda: torch.eye(3).to_sparse(),
    "sparse rows": lambda: torch.eye(3).to_sparse_csr(),
    "half a byte each": lambda: torch.zeros(4, dtype=torch.uint8).view(torch.uint4),
}


def _of_inference():
    with torch.inference_mode():
        return torch.ones(3)


class Kinds(Dataset):
    """Tensors of one kind.

    Args:
        kind: Its name.
    """

    def __init__(self, kind):
        self.kind = kind

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return KINDS[self.kind](), torch.tensor(index)


def told(tensor):
    kept = [tensor.dtype, tensor.layout, tensor.device, tensor.requires_grad, tensor.is_nested, tensor.is_quantized]
    return [type(tensor), *kept, tensor.is_inference()]


def values(tensor):
    if tensor.is_nested:
        return [part.tolist() for part in tensor.unbind()]
    if tensor.device.type == "meta" or tensor.dtype == torch.uint4:
        return [tuple(tensor.shape), tensor.stride()]
    return [tensor.stride() if tensor.layout == torch.strided else None, str(tensor)]


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("kind", KINDS)
def test_any_tensor_arrives(kind, monkeypatch):
    monkeypatch.setenv("PENSTOCK_RECORD", "1")
    results = []
    for cls in (DataLoader, penstock.DataLoader):
        # What cannot be pickled is lost, with its batch; torch's worker prints why.
        loader = cls(Kinds(kind), batch_size=None, num_workers=1, timeout=2 if kind == "of an operation" else 60)
        seen = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                seen += [(told(tensor), values(tensor), index) for tensor, index in loader]
            except RuntimeError as error:
                seen.append(str(error))
        results.append(seen)
    assert penstock.stats(loader).way == "recorded"
    assert results[0] == results[1]
