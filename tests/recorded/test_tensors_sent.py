"""Tensors of every kind that a worker may send arrive as they do from torch's workers."""

import random
import warnings

import pytest
import torch
from torch.utils.data import DataLoader, Dataset
from torchvision import tv_tensors

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


# What else lies on a tensor's memory.
ALIASES = [
    lambda t: t,
    lambda t: t.view(-1),
    lambda t: t[1:],
    lambda t: t.T,
    lambda t: t.detach(),
    lambda t: t[:, ::2],
    lambda t: t.view(torch.uint8),
    lambda t: t[1].expand(3, -1),
    lambda t: t.as_strided((2, 2), (1, 3), 2),
    lambda t: torch.nn.Parameter(t),
    lambda t: t.detach().requires_grad_(),
    lambda t: tv_tensors.BoundingBoxes(t, format="XYXY", canvas_size=(9, 9)),
    lambda t: t.untyped_storage(),
    lambda t: t.clone(),
    lambda t: (t, [t[0]]),
]


class Aliases(Dataset):
    """Samples of tensors that share memory in all ways, small ones and large ones."""

    def __len__(self):
        return 24

    def __getitem__(self, index):
        chance = random.Random(index)
        rows = [3, 5, 600][index % 3]
        bases = [torch.arange(rows * 4.0).view(rows, 4) + k for k in range(2)]
        kinds = [chance.choice(ALIASES) for _ in range(6)]
        found = [kind(chance.choice(bases)) for kind in kinds]
        return {"first": found[:3], "others": tuple(found[3:]), "twice": [found[0], found[0]]}


def flat(value):
    if isinstance(value, dict):
        value = [*value.values()]
    if isinstance(value, (list, tuple)):
        return [leaf for item in value for leaf in flat(item)]
    return [value]


def seen(value):
    if not isinstance(value, torch.Tensor):
        return [type(value), len(value)]
    memory = value.untyped_storage()
    return [*told(value), *values(value.detach()), value.shape, value.storage_offset(), memory.nbytes(), value.is_leaf]


def bytes_of(value):
    if isinstance(value, torch.UntypedStorage):
        return torch.empty(0, dtype=torch.uint8).set_(value)
    return torch.as_tensor(value).detach()


@pytest.mark.parametrize("options", [{}, {"persistent_workers": True, "prefetch_factor": 4}, {"collate_fn": list}])
def test_what_shares_memory_shares_it_when_it_arrives(options, monkeypatch):
    monkeypatch.setenv("PENSTOCK_RECORD", "1")
    options = {"batch_size": 2 if "collate_fn" in options else None, "num_workers": 1, **options}
    results = []
    for cls in (DataLoader, penstock.DataLoader):
        loader, found = cls(Aliases(), **options), []
        for sample in loader:
            leaves = flat(sample)
            found.append([seen(leaf) for leaf in leaves])
            found.append([[one is other for other in leaves] for one in leaves])
            # What is changed in one is seen in those that share its memory, and in no other one.
            for number, leaf in enumerate(leaves):
                bytes_of(leaf).fill_(number + 50)
                found.append([bytes_of(other).reshape(-1)[-1].item() for other in leaves])
        results.append(found)
    assert penstock.stats(loader).way == "recorded"
    assert results[0] == results[1]


def test_small_tensors_open_no_files(monkeypatch):
    monkeypatch.setenv("PENSTOCK_RECORD", "1")
    boxes, whole = next(iter(penstock.DataLoader(Small(), batch_size=None, num_workers=1)))
    assert not boxes.is_shared()
    assert whole.is_shared()


class Small(Dataset):
    """A small tensor that is part of a larger one which is still small, and a large one."""

    def __len__(self):
        return 1

    def __getitem__(self, index):
        return torch.arange(9.0)[2:5], torch.zeros(4000)
