"""The command's own manners: how it is started, its version, `penstock explain`, outputs that cannot be written."""

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

import penstock
from penstock import outputs
from penstock.cli import app
from penstock.errors import ArgumentError, CommandError

LOADERS = """
import types

print("what a user's file prints")


def make(DataLoader):
    return DataLoader([1, 2, 3], batch_size=2)


def wrapped(DataLoader):
    return types.SimpleNamespace(loader=make(DataLoader))


def returns_a_number(DataLoader):
    return 3


def fails(DataLoader):
    raise LookupError("no such images")
"""


@pytest.fixture
def explain(tmp_path, monkeypatch):
    """Runs `penstock explain` of a function in a file, and leaves no trace of the file."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    (tmp_path / "own_loaders.py").write_text(LOADERS)
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(app, ["explain", *arguments])


@pytest.mark.parametrize("function", ["make", "wrapped"])
def test_explain(function, explain):
    shown = explain(f"own_loaders.py:{function}")
    assert shown.exit_code == 0, shown.output
    assert "torch's own machinery" in shown.stdout
    assert "list of 3" in shown.stdout
    written = explain(f"own_loaders.py:{function}", "--json")
    assert written.exit_code == 0, written.output
    found = json.loads(written.stdout)
    report = penstock.explain(penstock.DataLoader([1, 2, 3], batch_size=2))
    assert (found["way"], found["reasons"]) == (report.way, [*report.reasons])
    assert [row["part"] for row in found["rows"]] == [row.part for row in report.rows]


@pytest.mark.parametrize(
    ("named", "code", "message"),
    [
        ("own_loaders.py", 2, "the loader is FILE.py:FUNCTION, got own_loaders.py"),
        ("missing.py:make", 2, "there is no file missing.py"),
        ("own_loaders.py:nowhere", 2, "there is no function nowhere in own_loaders.py; it defines fails, make,"),
        ("own_loaders.py:returns_a_number", 1, "returned no loader: explain() takes a DataLoader, got int"),
        ("own_loaders.py:fails", 1, "LookupError: no such images"),
    ],
)
def test_what_cannot_be_explained(named, code, message, explain):
    result = explain(named)
    assert result.exit_code == code
    assert "penstock explain: " in result.stderr
    assert message in result.stderr
    assert not result.stdout


def test_the_version():
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.stdout) == (0, f"penstock {penstock.__version__}\n")


def test_python_m_penstock():
    done = subprocess.run([sys.executable, "-m", "penstock", "--wrong"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Usage: penstock " in done.stderr


@pytest.mark.parametrize("command", ["train", "bench", "demo", "run", "explain", "show"])
def test_a_wrong_option_has_the_same_exit_code_everywhere(command):
    assert CliRunner().invoke(app, [command, "--no-such-option"]).exit_code == ArgumentError.exit_code == 2


def test_files_that_can_be_written_are_left_as_they_are(tmp_path):
    (tmp_path / "old").write_text("content")
    outputs.check_file("--json", None)
    for name in ("old", "new"):
        outputs.check_file("--json", tmp_path / name)
    outputs.make_folder("--out", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["old"]
    assert (tmp_path / "old").read_text() == "content"
    outputs.make_folder("--out", tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()


@pytest.mark.parametrize("function", [outputs.check_file, outputs.make_folder])
def test_what_cannot_be_written(function, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ArgumentError, match=r"^--out: .*file.*"):
        function("--out", tmp_path / "file" / "below")


def test_what_can_no_longer_be_written(tmp_path):
    with (
        pytest.raises(CommandError, match=r"gone/x cannot be written: No such file") as raised,
        outputs.writing(tmp_path / "gone" / "x"),
    ):
        (tmp_path / "gone" / "x").write_text("")
    assert raised.value.exit_code == 1
    with pytest.raises(BrokenPipeError), outputs.writing(tmp_path):
        raise BrokenPipeError
