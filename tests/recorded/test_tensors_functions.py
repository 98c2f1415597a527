"""Every function of torch that takes a tensor, called on a recording tensor and on the plain one."""

import pytest
import torch
from PIL import Image
from support.sides import outcome, place, side
from torchvision.transforms import functional as F
from torchvision.transforms.v2 import functional as F2

from penstock.recording.tensors import RecordedTensor


def opened():
    return Image.open(place("subsampled", "path")).convert("RGB").resize((6, 5))


MAKERS = {
    "float": lambda: F.to_tensor(opened()),
    "bytes": lambda: F.pil_to_tensor(opened()),
    "image": lambda: F2.to_image(opened()),
    "batch": lambda: torch.stack([F.to_tensor(opened()), F.to_tensor(opened()).flip(-1)]),
}
# What is tried as further arguments: most functions take one of these.
ARGUMENTS = [
    lambda t: (),
    lambda t: (1,),
    lambda t: (0, 1),
    lambda t: (1, 0, 2),
    lambda t: (2.5,),
    lambda t: (torch.ones_like(t),),
    lambda t: (t,),
    lambda t: (torch.uint8,),
    lambda t: ([1, 2],),
    lambda t: ((t.shape[-1],),),
    lambda t: (torch.ones(t.shape, dtype=torch.bool),),
    lambda t: (torch.ones(t.shape, dtype=torch.bool), 3),
    lambda t: (0, torch.tensor([0, 1]), torch.ones_like(t)[:2]),
    lambda t: (torch.ones_like(t), torch.ones_like(t)),
    lambda t: (torch.tensor([0, 1]), 0),
    lambda t: (torch.ones(3, 3, 1, 1), torch.zeros(3)),
]
# Not called: what ends the process, asks for hardware, or answers with an address, a time or nothing that compares.
LEFT_OUT = {
    *("__annotations__", "__getstate__", "__torch_dispatch__", "const_data_ptr", "fbgemm_pack_gemm_matrix_fp16"),
    # A view cannot be detached in place; batches are views of pooled memory, a copy that is compared with is none.
    "detach_",
    # What Python 3.13 notes of the code of a class.
    *("__firstlineno__", "__static_attributes__"),
    *("__class__", "__init__", "__new__", "__del__", "__init_subclass__", "__subclasshook__", "__getattribute__"),
    *("__setattr__", "__delattr__", "__sizeof__", "__doc__", "__dict__", "__weakref__", "__module__", "__reduce__"),
    *("__cuda_array_interface__", "cuda", "xpu", "mtia", "ipu", "hpu", "pin_memory", "is_pinned", "record_stream"),
    *("data_ptr", "untyped_storage", "storage", "_typed_storage", "__repr__", "__hash__", "__dir__", "share_memory_"),
    *("__setstate__", "__reduce_ex__", "__torch_function__", "set_", "module_load", "register_hook"),
    *(
        "register_post_accumulate_grad_hook",
        "empty_like",
        "new_empty",
        "new_empty_strided",
        "new",
        "resize_",
        "new_tensor",
    ),
    *("resize_as_", "sparse_resize_", "sparse_resize_and_clear_", "map_", "map2_", "apply_", "backward"),
    *("geqrf", "empty_permuted", "__array_wrap__", "dim_order", "to_mkldnn", "__dlpack__", "reinforce", "_version"),
}


def member(name):
    """A call of a tensor's method, or a look at its attribute."""

    def function(tensor, *arguments):
        value = getattr(tensor, name)
        return value(*arguments) if callable(value) else value

    return function


def functions():
    """All of a tensor's members, and the functions that torch's own table says take tensors."""
    found = {f"Tensor.{name}": member(name) for name in dir(torch.Tensor) if is_tried(name)}
    table = torch.overrides.get_overridable_functions()
    for namespace in (torch, torch.nn.functional, torch.linalg, torch.fft, torch.special):
        for function in table[namespace]:
            name = function.__name__
            if is_tried(name) and hasattr(namespace, name):
                found[f"{namespace.__name__}.{name}"] = function
    return found


def is_tried(name):
    # Names with one underscore are nobody's.
    return name not in LEFT_OUT and (name[:1] != "_" or name[:2] == "__")


FUNCTIONS = functions()


def test_functions_are_found():
    assert len(FUNCTIONS) > 900
    assert {"Tensor.add_", "Tensor.numpy", "Tensor.T", "torch.stack", "torch.nn.functional.pad"} <= set(FUNCTIONS)


def called(tensor, function, arguments):
    torch.manual_seed(5)
    others = arguments(tensor)
    # torch warns once in a process, so warnings are not compared.
    return [outcome(asked)[:-1] for asked in (lambda: function(tensor, *others), lambda: tensor, lambda: others)]


@pytest.mark.parametrize("kind", MAKERS)
def test_functions(kind):
    with side(ours=False):
        plain = MAKERS[kind]()
    different = []
    tried = ARGUMENTS if kind == "float" else ARGUMENTS[:4]
    for name, function in sorted(FUNCTIONS.items()):
        expected = [called(plain.clone(), function, arguments) for arguments in tried]
        works = [number for number, result in enumerate(expected) if result[0][0] == "value"]
        fails = [number for number in range(len(tried)) if number not in works]
        with side(ours=True):
            for number in (*works[: 3 if kind == "float" else 1], *fails[:1]):
                tensor = MAKERS[kind]()
                assert isinstance(tensor, RecordedTensor)
                if called(tensor, function, ARGUMENTS[number]) != expected[number]:
                    different.append((name, number))
                if isinstance(tensor, RecordedTensor):
                    different.append((name, number, "is recording"))
    assert different == []
