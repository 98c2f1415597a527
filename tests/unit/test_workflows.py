"""The workflows do nothing that cannot be done here: each of their steps is a target of the Makefile, or set-up."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
# Tools that a machine has or has not.
SET_UP = ("rustup update", "rustup toolchain install", "cargo install --locked")


def targets(command: str, job: dict) -> list[str]:
    """The targets that a step makes; of one that its matrix names, all."""
    words = re.fullmatch(r"make (\$\{\{ matrix\.(?P<key>\w+) \}\}|(?P<name>[a-z-]+))( [A-Z_]+=\S.*)?", command)
    assert words, command
    if words["name"]:
        return [words["name"]]
    return [row[words["key"]] for row in job["strategy"]["matrix"]["include"]]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_each_step_is_a_target(path):
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert workflow["permissions"] == {"contents": "read"}
    for name, job in workflow["jobs"].items():
        for step in job["steps"]:
            assert "uses" in step or "run" in step, name
            if "run" in step and not step["run"].startswith(SET_UP):
                assert set(targets(step["run"], job)) <= TARGETS, step
        for needed in [job.get("needs", [])] if isinstance(job.get("needs", []), str) else job.get("needs", []):
            assert needed in workflow["jobs"]


def test_the_lowest_versions_are_those_of_the_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8"))
    matrix = workflow["jobs"]["linux"]["strategy"]["matrix"]
    lowest = next(row["with"] for row in matrix["include"] if row["libraries"] == "lowest")
    pinned = dict(word.removesuffix(".*").split("==") for word in lowest.split())
    bounds = dict(requirement.split(">=") for requirement in project["dependencies"])
    for name, version in pinned.items():
        assert f"{version}.".startswith(f"{bounds[name]}."), name
    pythons = [line.rpartition(" ")[2] for line in project["classifiers"] if re.search(r":: 3\.\d+$", line)]
    assert matrix["python"] == pythons
    assert project["requires-python"] == f">={pythons[0]}"


def test_the_crates_licence_is_the_packages():
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert (ROOT / "rust" / "penstock-jpeg" / "LICENSE").read_text(encoding="utf-8") == text
