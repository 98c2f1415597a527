"""Whatever batches are built of goes to the device with them, and comes out as torch's own functions would leave it."""

import collections
import types
from typing import NamedTuple

import pytest
import torch
from support.fake_cuda import Gpu
from torch.nn.utils.rnn import pack_sequence

from penstock.delivery.deliver import Delivery
from penstock.delivery.form import Form

PLAIN = Form(None, None, False, "cuda")


class Pair(NamedTuple):
    first: object
    second: object


@pytest.fixture
def prompt(gpu):
    gpu.current = Gpu(prompt=True).current
    return gpu


class Boxes(collections.UserDict):
    """A mapping with more than its items."""

    def __init__(self, *args, name=""):
        super().__init__(*args)
        self.name = name


class Frozen(collections.abc.Mapping):
    def __init__(self, items):
        self.items_ = dict(items)

    def __getitem__(self, key):
        return self.items_[key]

    def __iter__(self):
        return iter(self.items_)

    def __len__(self):
        return len(self.items_)


class Named(list):
    name = ""


def test_containers_keep_their_classes(prompt):
    boxes, named = Boxes({"a": torch.ones(2)}, name="box"), Named([torch.zeros(1), "text"])
    named.name = "list"
    batch = {
        "boxes": boxes,
        "named": named,
        "pair": Pair(torch.arange(3), (torch.tensor(2.5), b"bytes")),
        "frozen": Frozen({"x": torch.ones(1)}),
        "range": range(2),
        "none": None,
        "number": 7,
        "ordered": collections.OrderedDict(z=torch.ones(1), a=torch.zeros(1)),
    }
    delivered = Delivery("cuda", PLAIN).deliver(batch)
    assert list(delivered) == list(batch)
    assert (type(delivered["boxes"]), delivered["boxes"].name) == (Boxes, "box")
    assert (type(delivered["named"]), delivered["named"].name, delivered["named"][1]) == (Named, "list", "text")
    assert type(delivered["pair"]) is Pair
    assert delivered["pair"].second == (torch.tensor(2.5), b"bytes")
    assert type(delivered["frozen"]) is Frozen
    assert delivered["range"] == [0, 1], "as pin_memory leaves what is not made of its items"
    assert (delivered["none"], delivered["number"]) == (None, 7)
    assert list(delivered["ordered"]) == ["z", "a"]
    assert delivered["boxes"]["a"] is not boxes["a"]
    assert delivered["boxes"]["a"].tolist() == [1, 1]
    assert boxes["a"].tolist() == [1, 1], "what the batch was made of is left alone"


def test_the_same_tensor_twice_is_two_tensors(prompt):
    tensor = torch.ones(2)
    first, second = Delivery("cuda", PLAIN).deliver([tensor, tensor])
    first += 1
    assert second.tolist() == [1, 1]


class Own:
    """A batch of the user's class, with a method `to`."""

    def __init__(self, tensor, *, takes_more=True, returns=True):
        self.tensor, self.moved_to = tensor, None
        if takes_more:
            self.to = types.MethodType(lambda self, device, non_blocking=False: self._to(device), self)
        else:
            self.to = types.MethodType(lambda self, device: self._to(device), self)
        self.returns = returns

    def _to(self, device):
        self.moved_to = device
        return self if self.returns else None


class Pinned:
    def __init__(self):
        self.pins = 0

    def pin_memory(self):
        self.pins += 1
        return self


@pytest.mark.parametrize("takes_more", [True, False])
@pytest.mark.parametrize("returns", [True, False])
def test_an_object_with_a_to_of_its_own_moves_itself(gpu, takes_more, returns):
    own = Own(torch.ones(1), takes_more=takes_more, returns=returns)
    assert Delivery("cuda", PLAIN).deliver([own])[0] is own
    assert own.moved_to == torch.device("cpu"), "the fake's"
    assert Delivery("cpu", PLAIN).deliver((own,)) == (own,)


def test_an_object_that_can_only_be_pinned_is_left_as_it_is(gpu):
    pinned = Pinned()
    assert Delivery("cuda", PLAIN).deliver({"it": pinned})["it"] is pinned


@pytest.mark.parametrize(
    "tensor",
    [
        torch.eye(3).to_sparse(),
        torch.ones(2, requires_grad=True),
        pack_sequence([torch.ones(3), torch.ones(2)]),
    ],
    ids=["sparse", "gradients", "packed"],
)
def test_what_is_not_plain_is_moved_by_its_own_to(gpu, tensor):
    delivered = Delivery("cuda", PLAIN).deliver([tensor])[0]
    assert type(delivered) is type(tensor)
    assert gpu.copied_bytes == 0


def test_modes_of_the_thread_count_when_a_batch_is_asked_for(prompt):
    for begun_in, asked_in in ((True, False), (False, True), (True, True), (False, False)):
        delivery = Delivery("cuda", PLAIN)
        with torch.inference_mode(asked_in):
            source = torch.ones(2)
        with torch.inference_mode(begun_in):
            delivery.begin([source])
        with torch.inference_mode(asked_in):
            delivered = delivery.deliver([source])[0]
        assert delivered.is_inference() is asked_in
        assert delivered.tolist() == [1, 1]


def test_what_was_begun_and_never_came_is_forgotten(prompt):
    delivery = Delivery("cuda", PLAIN)
    delivery.begin([torch.ones(2)])
    assert delivery.deliver([torch.zeros(2)])[0].tolist() == [0, 0]
    assert delivery.deliver([torch.ones(1)])[0].tolist() == [1]
    assert delivery.bus_nbytes == 3 * 4


def test_other_devices_are_torchs(monkeypatch):
    monkeypatch.setattr("penstock.delivery.streams.Cuda", None)
    delivery = Delivery("meta", Form(torch.half, torch.channels_last, False, "meta"))
    images, targets = delivery.deliver([torch.ones(2, 3, 4, 5), torch.ones(2)])
    assert (images.device.type, images.dtype, targets.dtype) == ("meta", torch.half, torch.float32)
    assert images.is_contiguous(memory_format=torch.channels_last)
