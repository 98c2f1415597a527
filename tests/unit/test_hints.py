"""The hint at exit, for who gave a loader to a framework that made one of torch's class of it."""

import logging
import os
import subprocess
import sys
import types

import pytest
import torch.utils.data

import penstock
from penstock import hints

DATA = [1, 2, 3]


@pytest.fixture
def hinted(monkeypatch, caplog):
    """Puts another state in place of this process's, with a framework, and tells what is said at exit."""
    hints.forget()
    framework = types.ModuleType("accelerate.data_loader")
    framework.DataLoader = torch.utils.data.DataLoader
    for name in [name for name, _ in sys.modules.items() if name.partition(".")[0] in ("accelerate", "transformers")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, framework.__name__, framework)
    monkeypatch.delenv("RANK", raising=False)
    monkeypatch.delattr(sys, "last_type", raising=False)
    caplog.set_level(logging.WARNING, logger="penstock")

    def said():
        caplog.clear()
        hints._tell()
        return [record.getMessage() for record in caplog.records]

    yield said
    hints.forget()


def test_a_loader_that_nobody_iterated_over(hinted):
    penstock.DataLoader(DATA)
    assert not list(torch.utils.data.DataLoader([])), "what a framework would do"
    (message,) = hinted()
    assert "accelerate" in message
    assert "penstock.install()" in message


def test_no_loader(hinted):
    torch.utils.data.DataLoader(DATA)
    assert not hinted()


def test_another_loader_of_ours_over_the_same_data(hinted):
    loader = penstock.DataLoader(DATA)
    list(type(loader)(DATA, batch_size=2))  # as Lightning rebuilds it
    assert not hinted()
    assert len(penstock.DataLoader(DATA)) == 3, "made for its length"
    assert not hinted()
    penstock.DataLoader([4])
    assert hinted()


def test_under_install(hinted):
    with penstock.installed():
        torch.utils.data.DataLoader(DATA)
        penstock.DataLoader(DATA)
    assert not hinted()


@pytest.mark.parametrize("state", ["rank", "exception", "child", "no framework", "another package"])
def test_when_it_would_not_help(state, hinted, monkeypatch):
    penstock.DataLoader(DATA)
    assert len(hinted()) == 1
    if state == "rank":
        monkeypatch.setenv("RANK", "1")
    elif state == "exception":
        monkeypatch.setattr(sys, "last_type", LookupError, raising=False)
    elif state == "child":
        monkeypatch.setattr(hints, "_process", os.getpid() + 1)
    else:
        framework = sys.modules.pop("accelerate.data_loader")
        if state == "another package":
            monkeypatch.setitem(sys.modules, "somebodys_own", framework)
        names = [name for name in sys.modules if name.partition(".")[0] in ("timm", "lightning", "ray", "ignite")]
        for name in names:
            monkeypatch.delitem(sys.modules, name)
    assert not hinted()


def test_it_is_said_at_exit():
    code = """if True:
        import sys, types, torch.utils.data, penstock
        framework = types.ModuleType("accelerate.data_loader")
        framework.DataLoader = torch.utils.data.DataLoader
        sys.modules[framework.__name__] = framework
        penstock.DataLoader([1, 2, 3])
        print("done", file=sys.stderr)
    """
    env = {key: value for key, value in os.environ.items() if key != "RANK"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    assert done.stderr.partition("done")[2].count("penstock.install()") == 1
