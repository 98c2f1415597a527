"""Probes of the installed libraries: the state in which one is asked first changes no answer."""

import contextlib
import logging
import threading
import warnings

import numpy as np
import pytest
import torch
from PIL import Image, ImageFile
from support.both_loaders import Opened, write_images
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torchvision import datasets, transforms

import penstock
from penstock import _native, agreement
from penstock.agreement import PROBES, Probe
from penstock.lowering import pillow, verify
from penstock.ops import resampling

ASKED = [(probe, example) for probe in PROBES for example in probe._examples if probe._kept]


class Doubling(TorchFunctionMode):
    """A mode in which torch computes something else."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        return result * 2 if isinstance(result, torch.Tensor) and result.is_floating_point() else result


class Refusing(TorchDispatchMode):
    """A mode in which torch computes nothing."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        raise RuntimeError("not while this mode is active")


@contextlib.contextmanager
def set_to(read, write, value):
    before = read()
    write(value)
    try:
        yield
    finally:
        write(before)


@contextlib.contextmanager
def attribute(owner, name, value):
    with set_to(lambda: getattr(owner, name), lambda new: setattr(owner, name, new), value):
        yield


@contextlib.contextmanager
def warnings_as_errors():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


STATES = {
    "float64": lambda: set_to(torch.get_default_dtype, torch.set_default_dtype, torch.float64),
    "float16": lambda: set_to(torch.get_default_dtype, torch.set_default_dtype, torch.float16),
    "meta": lambda: torch.device("meta"),
    "meta by default": lambda: set_to(lambda: None, torch.set_default_device, "meta"),
    "inference": torch.inference_mode,
    "no gradients": torch.no_grad,
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    "deterministic": lambda: set_to(
        torch.are_deterministic_algorithms_enabled, torch.use_deterministic_algorithms, True
    ),
    "one thread": lambda: set_to(torch.get_num_threads, torch.set_num_threads, 1),
    "three threads": lambda: set_to(torch.get_num_threads, torch.set_num_threads, 3),
    "function mode": Doubling,
    "dispatch mode": Refusing,
    "warnings are errors": warnings_as_errors,
    "floating point errors": lambda: np.errstate(all="raise"),
    "truncated files": lambda: attribute(ImageFile, "LOAD_TRUNCATED_IMAGES", True),
    **{
        f"at most {limit} pixels": lambda limit=limit: attribute(Image, "MAX_IMAGE_PIXELS", limit)
        for limit in (None, 0, 1, 100)
    },
}


@pytest.fixture(autouse=True)
def asked_anew():
    def forget():
        for probe in PROBES:
            probe.cache_clear()

    forget()
    yield
    forget()


@pytest.fixture(scope="module")
def answers():
    """The answers where nothing is set."""
    return [probe(*example) for probe, example in ASKED]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("images")
    write_images(root, 6)
    return root


def loaders(folder):
    known = datasets.ImageFolder(folder, transforms.Compose([transforms.RandomResizedCrop(24), transforms.ToTensor()]))
    own = Opened([path for path, _ in known.samples], known.transform)
    return [penstock.DataLoader(data, 3) for data in (known, own)]


def test_all_probes_pass_here(answers):
    assert all(answers)
    assert {outcome.outcome for probe in PROBES for outcome in probe.outcomes()} == {"passed", "not asked"}


@pytest.mark.parametrize("state", STATES)
def test_a_state_in_which_probes_are_asked_first_changes_no_answer(state, answers):
    with STATES[state]():
        found = [probe(*example) for probe, example in ASKED]
    # torchvision mixes bytes in the default dtype: of that it can be asked only when it is the usual one.
    why_not = [probe.why_not(*example) or "" for probe, example in ASKED]
    later = [why.startswith("it raised NotNowError") for why in why_not]
    assert [why for why, postponed in zip(why_not, later, strict=True) if not postponed] == [""] * later.count(False)
    assert any(later) == (state in ("float64", "float16"))
    assert [None if postponed else answer for answer, postponed in zip(answers, later, strict=True)] == found
    assert [probe(*example) for probe, example in ASKED] == answers


@pytest.mark.parametrize("state", STATES)
def test_after_a_state_in_which_loaders_were_looked_into_they_are_native(state, folder):
    with STATES[state]():
        for loader in loaders(folder):
            penstock.explain(loader)
            with contextlib.suppress(Exception):
                list(loader)
    torch.set_default_device(None)
    for loader, way in zip(loaders(folder), ("lowered", "recorded"), strict=True):
        assert penstock.explain(loader).way == way
        list(loader)
        assert penstock.stats(loader).native_share == 1


def asking(function, otherwise=False):
    return Probe(function, name="", guards="", state=(), otherwise=otherwise, examples=[()], kept=True)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(24, "Too many open files"),
        RecursionError("maximum recursion depth exceeded"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes"),
        DeprecationWarning("an error by the filters"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_fails_for_a_passing_reason_is_asked_again(error):
    errors = [error]

    def ask():
        if errors:
            raise errors.pop()
        return "answer"

    probe = asking(ask)
    assert probe() is False
    assert type(error).__name__ in probe.why_not()
    assert probe() == "answer"
    assert probe.why_not() is None


def test_what_fails_by_the_librarys_fault_is_asked_once():
    calls = []

    def ask():
        calls.append(1)
        raise AttributeError("no such function")

    probe = asking(ask)
    assert [probe(), probe()] == [False, False]
    assert calls == [1]
    assert [outcome.why for outcome in probe.outcomes()] == ["it raised AttributeError: no such function"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_is_the_users(error):
    errors = [error]

    def ask():
        if errors:
            raise errors.pop()
        return True

    probe = asking(ask)
    with pytest.raises(error):
        probe()
    assert probe() is True


def test_where_no_thread_can_be_started_nothing_is_kept(monkeypatch):
    def refuse(self):
        raise RuntimeError("can't start new thread")

    probe = asking(lambda: True)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        assert probe() is False
        assert "can't start new thread" in probe.why_not()
    assert probe() is True


def test_a_probe_that_fails_once_costs_loaders_no_more_than_that(folder, monkeypatch, caplog):
    real = _native.decode_image
    failing = [MemoryError()]

    def decode(*arguments):
        if failing:
            raise failing.pop()
        return real(*arguments)

    monkeypatch.setattr(_native, "decode_image", decode)
    with caplog.at_level(logging.CRITICAL, "penstock"):
        report = penstock.explain(loaders(folder)[0])
    assert report.way == "recorded", "it was asked again"
    assert "could not be asked how it decodes JPEG files: it raised MemoryError" in str(report)
    assert [penstock.explain(loader).way for loader in loaders(folder)] == ["lowered", "recorded"]


def test_the_name_of_a_probe_is_one(answers):
    names = [probe.name for probe in PROBES]
    assert len({*names}) == len(names)
    assert all(probe.guards for probe in PROBES)
    assert verify.agrees in PROBES
    assert pillow._agrees in PROBES
    assert resampling.pass_order in PROBES
    assert agreement.PROBES is PROBES


def test_what_workers_have_asked_is_asked_before_the_next_ones_are_forked():
    calls = []

    def asks(of):
        calls.append(of)
        return True

    options = {"name": "a question", "guards": "", "state": (), "otherwise": False, "examples": [], "kept": True}
    question = agreement.Probe(asks, repeats=lambda of: of != "torch", **options)
    agreement.PROBES.append(question)
    try:
        agreement.newly_asked()
        assert question("Pillow")
        assert question("torch")
        asked = agreement.newly_asked()
        assert asked == [("a question", ("Pillow",))]
        assert agreement.newly_asked() == []
        question.cache_clear()
        agreement.others_asked([*asked, ("a question of another version", ())])
        agreement.ask_as_others_did()
        assert calls == ["Pillow", "torch", "Pillow"]
        agreement.ask_as_others_did()
        assert len(calls) == 3
    finally:
        agreement.PROBES.remove(question)
        agreement.newly_asked()
