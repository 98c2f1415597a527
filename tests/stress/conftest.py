"""Runs scripts in processes of their own, none of which may outlive its test."""

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from support.zygote import PATIENCE, Zygote

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))


def _environment():
    search = os.pathsep.join(filter(None, (str(HERE), os.environ.get("PYTHONPATH"))))
    return os.environ | {"PYTHONPATH": search, "PYTHONFAULTHANDLER": "1"}


@pytest.fixture(scope="session")
def _zygote():
    zygote = Zygote("stress_support", _environment())
    yield zygote
    zygote.close()


@pytest.fixture
def script(tmp_path, _zygote):
    """Runs Python code as a process's main script; kills all of its processes if it hangs."""

    def run(code, **environment):
        path = tmp_path / "script.py"
        path.write_text("from stress_support import *\n\n" + textwrap.dedent(code))
        done = _zygote.run(path, environment)
        assert done.status is not None, f"hung for {PATIENCE} s\n{done.out}\n{done.err}"
        return done

    return run


@pytest.fixture
def passes(script):
    """Runs a script that must end well and say nothing on stderr; returns its output."""

    def run(code, **environment):
        done = script(code, **environment)
        assert done.status == 0, f"status {done.status}\n{done.out}\n{done.err}"
        assert not done.err, done.err
        return done.out

    return run


@pytest.fixture
def passes_afresh(tmp_path):
    """Like `passes`, in an interpreter started for the purpose, whose main script its children can import."""

    def run(code):
        path = tmp_path / "script.py"
        path.write_text("from stress_support import *\n\n" + textwrap.dedent(code))
        process = subprocess.Popen(
            [sys.executable, path],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            env=_environment(),
        )
        try:
            out, _ = process.communicate(timeout=PATIENCE)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            process.stdout.close()
        assert process.returncode == 0, f"status {process.returncode}\n{out}"
        assert not out, out

    return run
