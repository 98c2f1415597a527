"""Functions of torch whose arguments have names, or which are called with what they do not take."""

import numpy as np
import pytest
import torch
from PIL import Image
from support.sides import both, place, side
from torchvision.transforms import functional as F

from penstock.recording.tensors import is_recording

CALLS = {
    "flip": lambda t: torch.flip(input=t, dims=(0,)),
    "squeeze": lambda t: torch.squeeze(input=t, dim=0),
    "squeeze by the first one": lambda t: torch.squeeze(t[None], dim=0),
    "squeeze by another": lambda t: t[:, :1].squeeze(dim=1),
    "squeeze by axis": lambda t: torch.squeeze(t[None], axis=0),
    "unsqueeze": lambda t: torch.unsqueeze(input=t, dim=0),
    "unsqueeze by axis": lambda t: t.unsqueeze(axis=0),
    "unbind": lambda t: torch.unbind(input=t),
    "unbind a batch": lambda t: t[None].unbind(dim=0),
    "detach": lambda t: torch.detach(input=t),
    "flatten": lambda t: torch.flatten(input=t[None], end_dim=1),
    "reshape": lambda t: torch.reshape(input=t, shape=(3, -1)),
    "zeros like": lambda t: torch.zeros_like(input=t),
    "full like": lambda t: torch.full_like(input=t, fill_value=3),
    "times": lambda t: torch.mul(other=torch.ones(t.shape[1:]), input=t),
    "stack": lambda t: torch.stack(tensors=[t, t]),
    "cat by axis": lambda t: torch.cat([t, t], axis=0),
    "copy": lambda t: torch.zeros(t.shape).copy_(other=t),
    "expand as": lambda t: torch.zeros(t.shape[1:]).expand_as(other=t),
    "truth value for a dimension": lambda t: t[None].squeeze(False),
    "no dimension": lambda t: t.unsqueeze(),
    "too many": lambda t: t.unsqueeze(0, 1),
    "a name that it has not": lambda t: t.squeeze(dimension=0),
    "named twice": lambda t: t.squeeze(0, dim=0),
    "canvas": lambda t: [torch.Tensor.zero_(t.new_zeros(2, 3, 900, 900), *more) for more in ([], [1])],
    "places": lambda t: t[0, np.array([1, 2])],
    "channels and places": lambda t: t[[0, 1, 2], np.array([1, 2, 3])],
    "tensors of places": lambda t: t[[0, 1, 2], torch.tensor([1, 2, 3]), ...],
    "bounds that are arrays": lambda t: t[[2, 1, 0], np.array([1, 2]) :],
    "bounds of channels": lambda t: t[np.array([1, 2]) :, 1:9, 1:9],
    "assigned to such": lambda t: t.__setitem__((slice(np.array([1, 2]), None), slice(9), slice(9)), 1),
}


def opened():
    return F.to_tensor(Image.open(place("plain", "path")).convert("RGB"))


@pytest.mark.parametrize("call", CALLS)
def test_it_gives_or_raises_what_torch_does(call):
    def program():
        tensor = opened()
        return [CALLS[call](tensor), tensor]

    def kind():
        try:
            return program()
        except TypeError as error:
            return TypeError, str(error)

    ours, theirs = both(kind)
    assert ours == theirs


@pytest.mark.parametrize("call", ["squeeze by the first one", "unbind a batch", "stack"])
def test_such_a_call_is_recorded(call):
    with side(ours=True):
        made = CALLS[call](opened())
        assert all(map(is_recording, made if type(made) is tuple else (made,)))
