"""Names that modules give to functions are found in modules that were there before, and in those that came since."""

import sys
import types

import pytest

from penstock.recording import imported


def function():
    """One that modules import."""


def module(name, monkeypatch):
    made = types.ModuleType(name)
    made.also = function
    monkeypatch.setitem(sys.modules, name, made)
    return made


@pytest.fixture
def looked(monkeypatch):
    """The modules that are looked at."""
    seen, look = [], imported._in

    def looking(modules, functions):
        seen.extend(m.__name__ for m in modules if isinstance(m, types.ModuleType))
        return look(modules, functions)

    monkeypatch.setattr(imported, "_in", looking)
    monkeypatch.setattr(imported, "_last", (0, []))
    return seen


def names(**options):
    return {names["__name__"] for names, name, _ in imported.names_of([function], **options) if name == "also"}


def test_a_worker_looks_only_at_what_was_imported_since(looked, monkeypatch):
    module("first", monkeypatch)
    assert names(only_new=True) == {"first"}  # one that was started anew has looked at nothing
    looked.clear()
    assert names(only_new=True) == {"first"}
    assert looked == ["__main__"]
    module("second", monkeypatch)
    looked.clear()
    assert names(only_new=True) == {"first", "second"}
    assert looked == ["second", "__main__"]


def test_the_process_that_iterates_looks_at_all_of_them_again(looked, monkeypatch):
    first = module("first", monkeypatch)
    del first.also
    assert names() == set()
    first.also = function
    module("second", monkeypatch)
    assert names() == {"first", "second"}


def test_a_name_that_stands_for_something_else_by_now_is_none(looked, monkeypatch):
    first = module("first", monkeypatch)
    assert names() == {"first"}
    first.also = None
    assert names(only_new=True) == set()


def test_names_in_a_program_that_was_run_again(monkeypatch):
    run = {"__name__": "__mp_main__", "also": function}
    exec("class Data:\n    def read(self):\n        return also()", run)  # noqa: S102 - as that process runs it
    module = types.ModuleType("__mp_main__")
    module.__dict__.update(run)
    monkeypatch.setitem(sys.modules, "__main__", module)
    found = {id(names) for names, name, _ in imported.names_of([function]) if name == "also"}
    assert found == {id(module.__dict__), id(module.Data.read.__globals__)}
