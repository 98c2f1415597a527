"""A program: for each private name that penstock lists, a process in which the libraries call the same thing otherwise.

    python renamed.py FOLDER EVERY

FOLDER is an ImageFolder; only each EVERYth name is taken. Prints a line of JSON for each: the name, and what is wrong
with penstock where it is missing.
"""

import ctypes
import functools
import gc
import json
import os
import sys
import traceback
import types
import warnings
from collections import defaultdict
from pathlib import Path

import torch
import torch.jit
import torchvision
from PIL import Image, JpegImagePlugin, PngImagePlugin, PpmImagePlugin  # noqa: F401 - all there before names change
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms
from torchvision.transforms import v2

_LIBRARIES = ("torch", "torchvision", "PIL", "multiprocessing")


class Own(Dataset):
    """What no plan is made of."""

    def __init__(self, paths, transform):
        self.paths, self.transform = paths, transform

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        try:
            return self.transform(Image.open(self.paths[index]).convert("RGB")), index
        except LookupError:  # which nothing raises, but code that handles exceptions is not followed
            return None


def loaders(make, folder):
    """Return loaders of which some would be lowered and some recorded."""
    crops = [transforms.RandomResizedCrop(24), v2.RandomCrop(20, padding=2)]
    known = torchvision.datasets.ImageFolder(folder, transforms.Compose([*crops, transforms.ToTensor()]))
    own = Own([path for path, _ in known.samples], known.transform)
    return [make(data, 3, num_workers=workers) for data in (known, own) for workers in (0, 1)]


def walk(loader):
    torch.manual_seed(3)
    return [*loader], torch.get_rng_state()


def is_same(ours, theirs):
    (batches, state), (wanted, wanted_state) = ours, theirs
    tensors, expected = ([tensor for batch in made for tensor in batch] for made in (batches, wanted))
    same = torch.equal(state, wanted_state) and len(tensors) == len(expected)
    return same and all(type(a) is type(b) and torch.equal(a, b) for a, b in zip(tensors, expected, strict=True))


class Libraries:
    """All functions, classes and modules of the libraries, by the names that they speak of."""

    def __init__(self):
        self.functions, self.classes = defaultdict(list), set()
        warnings.simplefilter("ignore")  # some of what torch keeps warns when it is looked at
        for item in gc.get_objects():
            if isinstance(item, types.FunctionType) and _is_theirs(item.__module__):
                for name in _names_in(item.__code__):
                    self.functions[name].append(item)
            elif isinstance(item, type) and _is_theirs(item.__module__):
                self.classes.update(kind for kind in item.__mro__ if _is_theirs(kind.__module__))

    def rename(self, owner, name):
        """Give a name another one wherever it is used; only where it is imported from if many things are called so."""
        module, _, kind = owner.partition(":")
        if not kind and name.islower() and name[0] != "_":
            _replace_module(module, name)
            return
        other = f"{name}_of_tomorrow"
        for function in self.functions[name]:
            function.__code__ = _renamed(function.__code__, name, other)
        for cls in self.classes:
            if name in vars(cls):
                _rename_in_type(cls, name, other)
        for known in [*sys.modules.values()]:
            if _is_theirs(getattr(known, "__name__", None)) and name in vars(known):
                vars(known)[other] = vars(known).pop(name)


def _is_theirs(module):
    return isinstance(module, str) and module.partition(".")[0] in _LIBRARIES


def _names_in(code):
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, str):
            yield constant
        elif isinstance(constant, types.CodeType):
            yield from _names_in(constant)


def _renamed(code, name, other):
    def changed(constant):
        if isinstance(constant, types.CodeType):
            return _renamed(constant, name, other)
        return other if type(constant) is str and constant == name else constant

    return code.replace(
        co_names=tuple(other if known == name else known for known in code.co_names),
        co_consts=tuple(map(changed, code.co_consts)),
    )


def _rename_in_type(cls, name, other):
    # Also one that is written in C, which does not let its attributes be set.
    attributes = gc.get_referents(cls.__dict__)[0]
    attributes[other] = attributes.pop(name)
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(cls))


def _replace_module(module, name):
    """Put a module that lacks a name in a module's place, for those who import it from now on."""
    copy = types.ModuleType(module)
    vars(copy).update(vars(sys.modules[module]))
    del vars(copy)[name]
    sys.modules[module] = copy
    parent, _, leaf = module.rpartition(".")
    if parent:
        setattr(sys.modules[parent], leaf, copy)


def listed():
    """Yield each name with all before it, its owner, and the name alone."""
    from penstock.compat import names

    found = []
    names.Names._list = lambda _names, owner, name, *_: found.append((f"{owner.replace(':', '.')}.{name}", owner, name))
    for library in ("torch", "torchvision", "pillow"):
        del sys.modules[f"penstock.compat.{library}"]
        __import__(f"penstock.compat.{library}")
    yield from dict.fromkeys(found)


def check(full, name, folder, expected):
    """Return what is wrong with penstock where a name is missing, None if nothing is."""
    import penstock
    from penstock import compat

    if full not in compat.missing():
        return "it is not told"
    made = loaders(penstock.DataLoader, folder)
    affected = {
        use for other in compat.missing() for library in compat.LIBRARIES for use in library.listed.get(other, ())
    }
    lowered = not affected & {"lowering", "files"}
    recorded = not affected & {"recording", "files"}
    for loader in made:
        report = penstock.explain(loader)
        known = not isinstance(loader.dataset, Own)
        wanted = "lowered" if known and lowered else "recorded" if recorded else "torch"
        if report.way != wanted:
            return f"{report.way} instead of {wanted}: {report}"
        if wanted == "torch" and name not in str(report):
            return f"the reason is not told: {report}"
    for place, (loader, theirs) in enumerate(zip(made, expected, strict=True)):
        if not is_same(walk(loader), theirs):
            return f"other batches of loader {place}"
    return None


def in_child(function):
    """Return what a function returns in a child process."""
    readable, writable = os.pipe()
    if (child := os.fork()) == 0:
        try:
            result = function()
        except BaseException:
            result = {"fault": traceback.format_exc()}
        with os.fdopen(writable, "w") as file:
            json.dump(result, file)
        os._exit(0)
    os.close(writable)
    with os.fdopen(readable) as file:
        text = file.read()
    os.waitpid(child, 0)
    return json.loads(text) if text else {"fault": "the process died"}


def main(folder, every):
    torch.set_num_threads(1)
    expected = [walk(loader) for loader in loaders(DataLoader, folder)]
    libraries = Libraries()
    gc.freeze()

    def without(full, owner, name):
        libraries.rename(owner, name)
        return {"fault": check(full, name, folder, expected)}

    for full, owner, name in in_child(lambda: [*listed()])[::every]:
        print(json.dumps({"name": full, **in_child(functools.partial(without, full, owner, name))}), flush=True)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2] / "python"))
    main(sys.argv[1], int(sys.argv[2]))
