"""`penstock explain --environment`."""

import json

import pytest
import torch
import torchvision
from PIL import Image
from typer.testing import CliRunner

from penstock import _native, compat
from penstock.agreement import PROBES
from penstock.cli import app
from penstock.environment import environment
from penstock.lowering import pillow
from penstock.recording import decoders


def printed(*arguments):
    result = CliRunner().invoke(app, ["explain", "--environment", *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_versions_and_processor_are_those_of_this_process():
    found = json.loads(printed("--json"))
    versions = found["versions"]
    for library in (torch, torchvision):
        assert versions[library.__name__] == library.__version__.partition("+")[0]
    assert found["processor"]["simd_level"] == _native.simd_level()
    assert found["processor"]["torch_capability"] == torch.backends.cpu.get_cpu_capability()
    assert found["steps_aside"] == {}
    assert {probe["name"] for probe in found["probes"]} == {probe.name for probe in PROBES}
    assert {probe["outcome"] for probe in found["probes"]} == {"passed", "not asked"}


def test_the_table_names_every_probe_and_what_it_is_for():
    text = str(environment())
    for probe in PROBES:
        assert probe.name in text
    assert "JPEG" in text
    assert "bilinear" in text


@pytest.fixture
def asked_anew():
    yield
    pillow._agrees.cache_clear()
    decoders.agrees.cache_clear()


def test_what_does_not_pass_says_why(monkeypatch, asked_anew):
    real = Image.Image.convert
    monkeypatch.setattr(Image.Image, "convert", lambda self, mode: real(self, mode).point(lambda value: value ^ 1))
    monkeypatch.setattr(torch.ops.image, "decode_image", lambda *_: (_ for _ in ()).throw(AttributeError("no decoder")))
    monkeypatch.setattr(compat, "_given_up", {compat.RECORDING: "a hook failed"})
    pillow._agrees.cache_clear()
    decoders.agrees.cache_clear()
    found = environment()
    failed = {(outcome.name, outcome.of): outcome.why for outcome in found.probes if outcome.outcome == "not passed"}
    assert failed == {
        **{(pillow._agrees.name, name): "its answer is another one" for name in ("JPEG", "PNG", "PPM")},
        (decoders.agrees.name, ""): "it raised AttributeError: no decoder",
    }
    assert found.steps_aside == {compat.RECORDING: "a hook failed"}
    assert "a hook failed" in str(found)


def test_without_the_option_there_is_nothing_to_say():
    assert CliRunner().invoke(app, ["explain"]).exit_code == 2
