"""`penstock run`: a program finds what it would find under python and ends as it would; its loaders are told of."""

import itertools
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.both_loaders import write_images
from typer.testing import CliRunner

import penstock
from penstock import counters
from penstock import run as run_command
from penstock.cli import app

# What a script sees of how it was run, and nothing of whose loader it has.
LOOKS = """
import os, sys
print(sys.argv, sys.path[0], __name__, __file__, __package__, __spec__ and __spec__.name, type(__loader__).__name__)
print(sorted(globals()), sys.modules["__main__"].__dict__ is globals(), sys.excepthook is sys.__excepthook__)
print(open(__file__).read() == open(sys.argv[0]).read(), __doc__, __builtins__.__name__)
"""

TRAINS = '''
"""A program with a dataset of its own, whose class is in the script."""
import sys
from pathlib import Path

from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms as T


class Own(Dataset):
    def __init__(self, root):
        self.paths = sorted(Path(root).rglob("*.jpg"))
        self.transform = T.Compose([T.Resize((16, 16)), T.ToTensor()])

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        try:
            image = self.transform(Image.open(self.paths[index]).convert("RGB"))
        except LookupError:  # which nothing raises, but code that handles exceptions is not followed
            raise
        return (image.sin() if "--sine" in sys.argv else image), index


def main(root, method, *rest):
    for _ in range(2):
        loader = DataLoader(Own(root), batch_size=4, num_workers=1, multiprocessing_context=method)
        print(sum(float(images.mean()) for images, _ in loader))
        del loader
    if "--raise" in rest:
        raise LookupError("here it ends")
    if "--exit" in rest:
        sys.exit(3)
    if "--say" in rest:
        sys.exit("there is no more to do")


if __name__ == "__main__":
    main(*sys.argv[1:])
'''


def run(*arguments: str, cwd: Path, command: tuple[str, ...] = ("-m", "penstock", "run"), **environment: str):
    """Run python in a folder, with tables wide enough for any row."""
    env = {**os.environ, "COLUMNS": "300", **environment}
    line = [sys.executable, *command, *arguments]
    return subprocess.run(line, cwd=cwd, env=env, capture_output=True, text=True, timeout=120, check=False)


def python(*arguments: str, cwd: Path):
    return run(*arguments, cwd=cwd, command=())


def row(stderr: str, name: str) -> list[str]:
    """The cells of a table's row: loader, way, native share, samples/s, waiting, what was left to Python code."""
    lines = stderr.partition("penstock run")[2].splitlines()
    (k,) = [k for k, line in enumerate(lines) if re.fullmatch(rf" +(\S+ +){{4}}{name}.*", line)]
    *figures, loader = lines[k].split(maxsplit=4)
    reasons = itertools.takewhile(lambda line: line.startswith("    "), lines[k + 1 :])
    return [loader, *figures, "\n".join(reason.strip(" -") for reason in reasons)]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "looks.py").write_text(LOOKS)
    (tmp_path / "package" / "part").mkdir(parents=True)
    for name in ("__init__.py", "part/__init__.py"):
        (tmp_path / "package" / name).write_text("")
    for name in ("__main__.py", "part/module.py"):
        (tmp_path / "package" / name).write_text(LOOKS)
    (tmp_path / "link.py").symlink_to(tmp_path / "scripts" / "looks.py")
    return tmp_path


@pytest.mark.parametrize(
    "arguments",
    [
        ("scripts/looks.py", "--help", "-m", "a b", "--", "-x"),
        ("link.py",),
        ("-m", "package.part.module", "--epochs", "3", "-m"),
        ("-m", "package"),
    ],
)
def test_a_program_finds_what_it_would_find(arguments, folder):
    expected, done = python(*arguments, cwd=folder), run(*arguments, cwd=folder)
    assert (expected.returncode, done.returncode) == (0, 0), done.stderr
    assert done.stdout == expected.stdout
    assert done.stderr.strip() == "penstock run: no loader of penstock's was iterated over"


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_loaders_are_told_of(method, tmp_path):
    write_images(tmp_path / "images", 6)
    (tmp_path / "train.py").write_text(TRAINS)
    done = run("train.py", "images", method, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(set(done.stdout.splitlines())) == 1
    name, way, native, rate, waiting, left = row(done.stderr, "Own")
    assert (name, way, native, left) == ("Own, 4 a batch, 1 worker, made 2 times", "recorded", "100.0%", "")
    assert float(rate.replace(",", "")) > 0
    assert waiting.endswith("%")


def test_what_is_left_to_python_code_is_told_of(tmp_path):
    write_images(tmp_path / "images", 6)
    (tmp_path / "train.py").write_text(TRAINS)
    done = run("train.py", "images", "fork", "--sine", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    _, way, native, _, _, left = row(done.stderr, "Own")
    assert (way, native) == ("recorded", "0.0%")
    assert left.startswith("12 of 12 images left to Python: ")


def test_a_loader_of_torchs_way_is_told_of_and_not_by_a_forked_child(tmp_path):
    (tmp_path / "script.py").write_text(
        "import os, torch\n"
        "from torch.utils.data import DataLoader, TensorDataset\n"
        "if os.fork():\n"
        "    os.wait()\n"
        "    print(len(list(DataLoader(TensorDataset(torch.arange(5)), batch_size=2))))\n"
    )
    done = run("script.py", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "3\n")
    assert done.stderr.count("penstock run") == 1
    _, way, native, rate, waiting, left = row(done.stderr, "TensorDataset, 2 a batch, 0 workers")
    assert (way, native, rate, waiting) == ("torch", "0.0%", "-", "-")
    assert "TensorDataset" in left


def test_an_exception_has_the_scripts_own_traceback(tmp_path):
    write_images(tmp_path / "images", 6)
    (tmp_path / "train.py").write_text(TRAINS)
    arguments = ("train.py", "images", "fork", "--raise")
    expected, done = python(*arguments, cwd=tmp_path), run(*arguments, cwd=tmp_path)
    assert (expected.returncode, done.returncode) == (1, 1)
    assert done.stdout == expected.stdout
    traceback, table = done.stderr.split("penstock run", 1)
    assert traceback == expected.stderr
    assert "Own, 4 a batch" in table


@pytest.mark.parametrize(
    ("text", "last", "module"),
    [
        ("def f(:\n    pass\n", "SyntaxError", False),
        ("import nothing_of_this_name\n", "ModuleNotFoundError", True),
    ],
)
def test_a_program_that_cannot_begin(text, last, module, tmp_path):
    (tmp_path / "broken.py").write_text(text)
    arguments = ("-m", "broken") if module else ("broken.py",)
    expected, done = python(*arguments, cwd=tmp_path), run(*arguments, cwd=tmp_path)
    assert (expected.returncode, done.returncode) == (1, 1)
    shown = done.stderr.split("penstock run:")[0].strip()
    assert last in shown
    assert expected.stderr.strip().endswith(shown.removeprefix("Traceback (most recent call last):\n"))


@pytest.mark.parametrize(("option", "code", "said"), [("--exit", 3, ""), ("--say", 1, "there is no more to do")])
def test_an_exit_is_the_programs_own(option, code, said, tmp_path):
    write_images(tmp_path / "images", 6)
    (tmp_path / "train.py").write_text(TRAINS)
    done = run("train.py", "images", "fork", option, cwd=tmp_path)
    assert done.returncode == code
    assert row(done.stderr, "Own")[2] == "100.0%"
    assert said in done.stderr


def test_ctrl_c(tmp_path):
    write_images(tmp_path / "images", 6)
    waits = TRAINS.replace("        del loader\n", "        print('waits', flush=True); import time; time.sleep(60)\n")
    (tmp_path / "train.py").write_text(waits)
    line = [sys.executable, "-m", "penstock", "run", "train.py", "images", "fork"]
    env = {**os.environ, "COLUMNS": "300"}
    with subprocess.Popen(
        line, cwd=tmp_path, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        while "waits" not in process.stdout.readline():
            assert process.poll() is None
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "KeyboardInterrupt" in stderr
    assert row(stderr, "Own")[2] == "100.0%"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (
            ["nothing.py", "-m"],
            2,
            "penstock run: can't open file '{cwd}/nothing.py': [Errno 2] No such file or directory\n",
        ),
        (["-m", "nothing_of_this_name"], 2, "penstock run: No module named nothing_of_this_name\n"),
        (["--wrong", "nothing.py"], 2, "No such option"),
        ([], 2, "Missing argument"),
    ],
)
def test_what_is_not_there(arguments, code, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [*sys.argv])
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(counters, "_kept", None)
    try:
        result = CliRunner().invoke(app, ["run", *arguments])
    finally:
        penstock.uninstall()
    assert result.exit_code == code
    assert said.format(cwd=tmp_path) in result.stderr
    assert "iterated" not in result.stderr


ROWS = [
    run_command._Row(("recorded", "98.2%", "1,312,345", "3.1%"), "OwnDataset, 128 a batch, 2 workers, made 12 times"),
    run_command._Row(("torch", "0.0%", "-", "-"), "Other, 2 a batch, 0 workers", ("no native reader " * 6, "short")),
]


@pytest.mark.parametrize("width", [60, 80, 200])
def test_the_table_fits(width):
    lines = [*run_command._table(ROWS, width)]
    assert max(map(len, lines)) <= width
    text = " ".join(" ".join(lines).split())
    for each in ROWS:
        for figure in each.figures:
            assert figure in text
    head, first = lines[0], lines[1]
    for name in ("way", "native", "samples/s", "waiting", "loader"):
        assert name in head
    assert head.index("loader") == first.index("OwnDataset"), "a column begins where its heading does"
    assert head.index("waiting") + len("waiting") == first.index("3.1%") + len("3.1%")
    assert ("no native reader " * 6).strip() in text
    assert "- short" in text


@pytest.mark.parametrize(
    ("environment", "title"),
    [
        ({}, "penstock run:"),
        ({"RANK": "3", "LOCAL_RANK": "1", "WORLD_SIZE": "4"}, "penstock run, rank 3 of 4:"),
        ({"LOCAL_RANK": "1"}, "penstock run, rank 1:"),
    ],
)
def test_the_rank_is_named(environment, title, monkeypatch, capsys):
    for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    run_command._tell({})
    assert capsys.readouterr().err.startswith(title)


def test_penstock_0(tmp_path):
    (tmp_path / "script.py").write_text("from torch.utils.data import DataLoader\nprint(DataLoader.__module__)\n")
    done = run("script.py", cwd=tmp_path, PENSTOCK="0")
    assert done.stdout == "torch.utils.data.dataloader\n"
    assert "PENSTOCK=0" in done.stderr


def test_the_help():
    result = CliRunner().invoke(app, ["run", "--help"])
    assert result.exit_code == 0
    assert "SCRIPT [ARGS]" in result.stdout
    assert "-m" in result.stdout
