"""Private names of torch, torchvision and Pillow: what lacks one steps aside, and the batches are torch's.

A library that lacks a name has mostly another one for the same thing. So each name is given another one, in a process
that has the libraries but not yet penstock: wherever their own code says the name, so that torch's loader works.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image
from support.both_loaders import Opened, walk, write_images
from support.compare import assert_same
from torch.utils.data import get_worker_info
from torchvision import transforms
from torchvision.transforms import functional as F
from torchvision.transforms.v2 import functional as F2

import penstock
from penstock import compat
from penstock.lowering.known import HOOKED
from penstock.recording import hooks
from penstock.recording.recorder import Recorder

TRANSFORM = transforms.Compose([transforms.RandomResizedCrop(24), transforms.ToTensor()])
MAKERS = ("_hook_opener", "_hook_others", "_hook_function", "_hook_kernel", "_hook_imported")


def test_nothing_is_missing_here():
    assert compat.missing() == ()
    assert {use for library in compat.LIBRARIES for uses in library.listed.values() for use in uses} == {
        compat.LOWERING,
        compat.FILES,
        compat.RECORDING,
        compat.RESUME,
    }


def test_each_name_that_is_missing_costs_what_needs_it_and_nothing_else(tmp_path, request):
    write_images(tmp_path, 6)
    every = 1 if request.config.getoption("--slow") else 12
    program = Path(__file__).parents[1] / "support" / "renamed.py"
    command = [sys.executable, str(program), str(tmp_path), str(every)]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=290, check=False)
    assert finished.returncode == 0, finished.stderr
    found = [json.loads(line) for line in finished.stdout.splitlines()]
    names = {name for library in compat.LIBRARIES for name in library.listed}
    assert len(found) == -(-len(names) // every)
    assert {one["name"] for one in found} <= names
    assert [one for one in found if one["fault"]] == []


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return write_images(tmp_path_factory.mktemp("images"), 10)


@pytest.fixture
def afresh(monkeypatch):
    """Forget afterwards that hooking failed."""
    monkeypatch.setattr(compat, "_given_up", {})


def hooked_places():
    """Return all that hooks replace, as it is now."""
    Image.preinit()
    kernels = compat.torchvision.KERNEL_REGISTRY
    assert torch.ops.image.decode_image  # it registers itself when it is asked for
    return [
        dict(Image.OPEN),
        [vars(module)[name] for module in (F, F2) for name in sorted(vars(module)) if callable(vars(module)[name])],
        vars(transforms.RandomResizedCrop)["get_params"].__func__,
        torch.ops.image.read_file,
        torch.utils.dlpack.to_dlpack,
        {functional: dict(kinds) for functional, kinds in kernels.items()},
        dict(compat.torch.default_collate_fn_map),
        dict(torch.jit._builtins._get_builtin_table()),
        dict(HOOKED),
    ]


def fail_at(monkeypatch, call, where=lambda: True):
    """Have the hook that is put as the one with this number fail; return a list that grows with each."""
    put = []

    def counted(real):
        def maker(*arguments, **options):
            if where():
                put.append(real)
                if len(put) == call + 1:
                    raise KeyError("a kernel that is there no more")
            return real(*arguments, **options)

        return maker

    for name in MAKERS:
        monkeypatch.setattr(hooks, name, counted(getattr(hooks, name)))
    return put


def test_hooks_are_all_there_or_none(monkeypatch, afresh, caplog):
    before = hooked_places()
    with monkeypatch.context() as patched:
        put = fail_at(patched, 10**6)
        with hooks.recording(Recorder()):
            assert hooked_places() != before
        assert hooked_places() == before
    for call in range(len(put)):
        compat._given_up.clear()
        with monkeypatch.context() as patched:
            tried = fail_at(patched, call)
            with hooks.recording(recorder := Recorder()):
                assert hooked_places() == before, f"after hook {call}"
            with hooks.recording(Recorder()):
                pass
            assert len(tried) == call + 1, "it is not tried again"
        assert hooks.recorders == {}
        assert hooks._undo == []
        counted = recorder.count()
        assert (counted.recorded, counted.opened) == (0, 1)
        assert counted.reasons == {compat.why_not(compat.RECORDING): 1}
    assert "KeyError: 'a kernel that is there no more'" in caplog.text


def test_an_interrupt_takes_hooks_away_and_is_no_verdict(monkeypatch, afresh):
    before = hooked_places()

    def interrupt():
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(hooks, "_hook_imported", interrupt)
        with pytest.raises(KeyboardInterrupt), hooks.recording(Recorder()):
            pass
    assert hooked_places() == before
    assert hooks.recorders == {}
    assert compat.why_not(compat.RECORDING) is None


@pytest.mark.parametrize("workers", [0, 2])
def test_where_hooks_fail_batches_are_torchs_and_it_is_told(paths, monkeypatch, afresh, workers, caplog):
    dataset = Opened(paths, TRANSFORM)
    options = {"batch_size": 1, "num_workers": workers, "shuffle": True, "persistent_workers": workers > 0}
    loader = penstock.DataLoader(dataset, **options)
    assert penstock.explain(loader).way == "recorded"
    fail_at(monkeypatch, 9, where=lambda: (get_worker_info() is None) == (workers == 0))
    ours = walk(loader, 3, 2)
    assert_same(ours, walk(torch.utils.data.DataLoader(dataset, **options), 3, 2))
    stats = penstock.stats(loader)
    assert stats.native_share == 0
    reason = "images cannot be made to record: KeyError: 'a kernel that is there no more'"
    assert reason in stats.by_pillow or workers == 0
    assert reason in caplog.text
    if workers == 0:
        report = penstock.explain(loader)
        assert report.way == "torch"
        assert reason in str(report)
