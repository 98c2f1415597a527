"""`penstock bench`: a loader measured with torch's class and with penstock's, at the same settings.

Each class lives in a fresh process of its own (`measure.py`), so that neither the memory nor the imports of one
are found in the other's column. After one pass that compares the batches and watches the memory, the two take
turns, so that whatever else the machine does meets both; a figure is the median of its passes.
"""

import dataclasses
import datetime
import importlib.util
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.table import Table

from penstock import machine
from penstock.cores import cores
from penstock.errors import ArgumentError, CommandError
from penstock.lowering.report import Report, Row
from penstock.measure import split
from penstock.outputs import check_file, writing
from penstock.train.recipes import DATA
from penstock.verdict import sentence_of_torchs

__all__ = [
    "BenchArgumentError",
    "BenchError",
    "Child",
    "Figures",
    "Result",
    "Subject",
    "measure",
    "passes",
    "run",
    "subject_for",
]

CLASSES = ("torch", "penstock")
# A short pass is repeated, or a single interruption would be all of a turn.
TURN_SECONDS, TURN_PASSES = 0.5, 10
_HERE = Path(__file__).parent
_MIB = 2**20


class BenchError(CommandError):
    """What keeps a loader from being measured."""


class BenchArgumentError(BenchError, ArgumentError):
    """The same, where an argument is wrong."""


@dataclasses.dataclass(frozen=True)
class Subject:
    """What is measured.

    Attributes:
        title: For the table's head.
        file: A Python file with a function that makes the loader.
        function: Its name; it is called with the class.
        options: Keyword arguments for it.
    """

    title: str
    file: Path
    function: str
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Figures:
    """The medians of one class; None is what this system does not tell. `measure.py` says how each is taken."""

    images_per_second: float
    first_batch_seconds: float
    cpu_seconds: float | None
    memory_added_bytes: int | None
    memory_peak_bytes: int | None
    passes: list[dict[str, Any]]


@dataclasses.dataclass(frozen=True)
class Result:
    """A comparison.

    Attributes:
        title: Of the subject.
        settings: Of both loaders, as they were made.
        torch: Figures of torch's class.
        penstock: Figures of penstock's.
        equal: Whether all batches of a pass were equal, bit for bit.
        difference: The first one that was not, in words.
        explain: penstock's report on its loader.
        bound: For each class, what holds up a loop that does nothing with the batches, and what would help.
    """

    title: str
    settings: dict[str, Any]
    torch: Figures
    penstock: Figures
    equal: bool
    difference: str | None
    explain: Report
    bound: dict[str, str]

    def ratio(self, figure: str) -> float | None:
        """Return how many times better penstock's figure is, None if either is missing or not positive."""
        ours, theirs = getattr(self.penstock, figure), getattr(self.torch, figure)
        if not ours or not theirs or min(ours, theirs) <= 0:
            return None
        return float(ours / theirs if figure == "images_per_second" else theirs / ours)

    @property
    def verdict(self) -> str:
        """Whether the two classes' batches were equal, in words."""
        return (
            f"all {self.settings['batches_per_pass']} batches equal" if self.equal else f"not equal: {self.difference}"
        )

    def as_json(self) -> dict[str, Any]:
        """Return everything, with the machine, the versions and the commit."""
        return {
            "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "machine": machine.describe(),
            "versions": machine.versions(),
            "source": machine.commit(),
            **dataclasses.asdict(self),
            "ratio": {row.figure: self.ratio(row.figure) for row in ROWS},
        }


# ---------------------------------------------------------------------------------------------------------------
# measuring


class Child:
    """A fresh process that will hold the loader made with one class; a context manager.

    Args:
        which: "torch" or "penstock".
    """

    def __init__(self, which: str) -> None:
        self.which = which
        self._process = subprocess.Popen(  # noqa: S603 - our own file, run by our own interpreter
            [sys.executable, "-P", str(_HERE / "measure.py"), which],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            # With PENSTOCK=0 both columns would be torch's.
            env={key: value for key, value in os.environ.items() if key != "PENSTOCK"},
        )

    def open(self, subject: Subject, seed: int = 0) -> dict[str, Any]:
        """Make the loader there and return its settings.

        Args:
            subject: What to make.
            seed: Of the global generators meanwhile.

        Raises:
            BenchError: If it cannot be made.
        """
        where = {"file": str(subject.file), "function": subject.function, "options": dict(subject.options)}
        settings: dict[str, Any] = self.ask("open", seed=seed, **where)
        return settings

    def ask(self, do: str, **arguments: Any) -> Any:
        """Return the answer to a request, see `measure.py`; BenchError if it is refused."""
        assert self._process.stdin is not None  # noqa: S101 - both are pipes
        assert self._process.stdout is not None  # noqa: S101
        try:
            print(json.dumps({"do": do, **arguments}), file=self._process.stdin, flush=True)
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            status = self._process.wait()
            raise BenchError(f"the process that measured {self.which}'s loader ended with status {status}")
        answered = json.loads(answer)
        if "refusal" in answered:
            raise (BenchArgumentError if answered["argument"] else BenchError)(answered["refusal"])
        return answered["result"]

    def close(self) -> None:
        """End the process."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def measure(
    subject: Subject, *, epochs: int, batches: int | None = None, seed: int = 0, say: Callable[[str], Any] = str
) -> Result:
    """Compare the two classes.

    Args:
        subject: What to measure.
        epochs: Turns of each class.
        batches: Where to stop a pass; None for whole epochs.
        seed: The first of the seeds, the same ones for both.
        say: Told what is going on.

    Raises:
        BenchError: If the loader cannot be made or iterated over.
    """
    # Both are started before either is asked for anything: importing torch takes seconds.
    with Child("torch") as torch, Child("penstock") as penstock:
        say("making the loaders")
        torch.open(subject, seed)
        settings = penstock.open(subject, seed)
        checks: dict[str, Any] = {}
        for child in (torch, penstock):
            say(f"{child.which}: first pass, for the batches and the memory")
            checks[child.which] = child.ask("check", seed=seed, batches=batches)
        if not checks["torch"]["digests"]:
            raise BenchError("the loader has no batches")
        made: dict[str, list[dict[str, Any]]] = {which: [] for which in CLASSES}
        for turn in range(epochs):
            for child in (torch, penstock):
                say(f"{child.which}: turn {turn + 1} of {epochs}")
                made[child.which] += passes(child, seed + 1 + turn, batches)
        explained = penstock.ask("explain")
        bound = {"torch": _bound(made["torch"], settings["num_workers"]), "penstock": penstock.ask("verdict")}
    rows = tuple(Row(**row) for row in explained.pop("rows"))
    difference = _difference(checks["torch"]["digests"], checks["penstock"]["digests"])
    return Result(
        title=subject.title,
        settings={**settings, "batches_per_pass": len(checks["torch"]["digests"]), "turns": epochs, "seed": seed},
        torch=_figures(made["torch"], checks["torch"]),
        penstock=_figures(made["penstock"], checks["penstock"]),
        equal=difference is None,
        difference=difference,
        explain=Report(rows=rows, **explained),
        bound=bound,
    )


def passes(child: Child, seed: int, batches: int | None = None) -> list[dict[str, Any]]:
    """Return one turn's passes over a child's loader: one if it is long, several if it is short."""
    done: list[dict[str, Any]] = []
    while len(done) < TURN_PASSES and sum(each["seconds"] for each in done) < TURN_SECONDS:
        done.append(child.ask("epoch", seed=seed, batches=batches))
    return done


def _bound(made: Sequence[dict[str, Any]], workers: int) -> str:
    """Return what the loops over torch's loader have waited for, as far as their times tell."""
    used = [each["cpu_seconds"] for each in made]
    return sentence_of_torchs(
        None if None in used else sum(used), sum(each["seconds"] for each in made), workers, cores()
    )


def _figures(made: Sequence[dict[str, Any]], check: Mapping[str, Any]) -> Figures:
    cpu = [each["cpu_seconds"] for each in made]
    peak, before = check["memory_peak"], check["memory_before"]
    return Figures(
        images_per_second=statistics.median(each["images"] / each["seconds"] for each in made),
        first_batch_seconds=statistics.median(each["first_batch_seconds"] for each in made),
        cpu_seconds=None if None in cpu else statistics.median(cpu),
        memory_added_bytes=None if peak is None else peak - before,
        memory_peak_bytes=peak,
        passes=list(made),
    )


def _difference(theirs: Sequence[str], ours: Sequence[str]) -> str | None:
    for position, (a, b) in enumerate(zip(theirs, ours, strict=False)):
        if a != b:
            return f"batch {position} is the first that differs"
    if len(theirs) != len(ours):
        return f"torch makes {len(theirs)} batches, penstock {len(ours)}"
    return None


@dataclasses.dataclass(frozen=True)
class _Row:
    figure: str
    label: str
    show: Callable[[float], str]
    unit: str
    scale: float


ROWS = (
    _Row("images_per_second", "images per second", lambda v: f"{v:,.0f}", "images/s", 1),
    _Row("first_batch_seconds", "first batch after iter()", lambda v: f"{1e3 * v:,.1f} ms", "ms", 1e-3),
    _Row("cpu_seconds", "CPU time of a pass", lambda v: f"{v:,.3f} s", "s", 1),
    _Row("memory_added_bytes", "memory added while iterating", lambda v: f"{v / _MIB:,.1f} MiB", "MiB", _MIB),
    _Row("memory_peak_bytes", "peak memory", lambda v: f"{v / _MIB:,.1f} MiB", "MiB", _MIB),
)


def _table(result: Result) -> Table:
    settings = result.settings
    table = Table(
        title=f"{result.title}: {settings['dataset']}, batches of {settings['batch_size']}, "
        f"num_workers={settings['num_workers']}",
        title_justify="left",
    )
    table.add_column("")
    for heading in (*CLASSES, "times better"):
        table.add_column(heading, justify="right")
    for row in ROWS:
        values = [getattr(figures, row.figure) for figures in (result.torch, result.penstock)]
        shown = ["not told by this system" if value is None else row.show(value) for value in values]
        ratio = result.ratio(row.figure)
        table.add_row(row.label, *shown, "" if ratio is None else f"{ratio:,.1f}")
    return table


def _draw(result: Result, path: Path) -> None:
    # The figure is made without pyplot, so no display is looked for and the user's backend stays what it is.
    from matplotlib.figure import Figure

    rows = [row for row in ROWS[:4] if getattr(result.torch, row.figure) is not None]
    figure = Figure(figsize=(3 * len(rows), 3.4), layout="constrained")
    figure.suptitle(f"{result.title}, num_workers={result.settings['num_workers']}: {result.verdict}")
    for axes, row in zip(figure.subplots(1, len(rows), squeeze=False)[0], rows, strict=True):
        values = [getattr(figures, row.figure) for figures in (result.torch, result.penstock)]
        bars = axes.bar(CLASSES, [value / row.scale for value in values], color=("0.65", "tab:blue"))
        axes.bar_label(bars, [row.show(value) for value in values], fontsize=8)
        axes.set(ylabel=row.unit)
        axes.set_title(row.label, fontsize=10)
        axes.margins(y=0.12)
    figure.savefig(path, format="png")


def run(
    subject: Subject,
    *,
    epochs: int,
    batches: int | None = None,
    seed: int = 0,
    json_file: Path | None = None,
    plot: Path | None = None,
) -> Result:
    """Compare the two classes and show the outcome: a table, penstock's report on the loader, the files asked for.

    Args:
        subject: What to measure.
        epochs: Turns of each class.
        batches: Where to stop a pass; None for whole epochs.
        seed: The first of the seeds, the same ones for both.
        json_file: Gets all figures, with machine, versions and commit.
        plot: Gets a drawing of the figures.

    Raises:
        BenchError: If the loader cannot be measured.
        ArgumentError: If the files cannot be written.
    """
    _check_outputs(json_file, plot)
    with Console(stderr=True).status("") as status:
        result = measure(subject, epochs=epochs, batches=batches, seed=seed, say=status.update)
    console = Console()
    console.print(_table(result))
    console.print(result.verdict, style="bold green" if result.equal else "bold red")
    console.print(result.explain)
    for which, bound in result.bound.items():
        console.print(f"{which}: {bound}", highlight=False, markup=False, soft_wrap=True)
    if json_file is not None:
        with writing(json_file):
            json_file.write_text(json.dumps(result.as_json(), indent=1) + "\n", encoding="utf-8")
    if plot is not None:
        with writing(plot):
            _draw(result, plot)
    return result


def subject_for(
    data: str | None = None,
    module: str | None = None,
    *,
    root: str | None = None,
    download: bool = False,
    workers: int | None = None,
    batch_size: int | None = None,
) -> Subject:
    """Return what the command's options name.

    Args:
        data: "synthetic", or as `penstock.train.Recipe.data`.
        module: "FILE.py:FUNCTION" instead.
        root: Folder of the data sets.
        download: Whether torchvision may download a missing one.
        workers: The loader's `num_workers`, 2 by default.
        batch_size: The loader's, 128 by default.

    Raises:
        BenchArgumentError: If the options do not fit together.
    """
    if module is not None:
        if data is not None:
            raise BenchArgumentError("--data and --module exclude each other")
        if workers is not None or batch_size is not None:
            raise BenchArgumentError("--workers and --batch-size go with --data; with --module your function sets them")
        file, function = split(module)
        if not file:
            raise BenchArgumentError(f"--module is FILE.py:FUNCTION, got {module}")
        return Subject(module, Path(file), function)
    data = data or "synthetic"
    options: dict[str, Any] = {
        "workers": 2 if workers is None else workers,
        "batch_size": 128 if batch_size is None else batch_size,
    }
    if data != "synthetic":
        if data.partition(":")[0] not in DATA:
            raise BenchArgumentError(f"--data {data} is not known; there are synthetic, {', '.join(DATA)}:PATH")
        options.update(data=data, root=root or "data", download=download)
    return Subject(data, _HERE / "bench_loaders.py", "synthetic" if data == "synthetic" else "known", options)


def _check_outputs(json_file: Path | None, plot: Path | None) -> None:
    """Refuse now what could not be written when everything is measured."""
    check_file("--json", json_file)
    check_file("--plot", plot)
    if plot is not None and importlib.util.find_spec("matplotlib") is None:
        raise BenchError('--plot needs matplotlib: pip install "penstock[train]"')
