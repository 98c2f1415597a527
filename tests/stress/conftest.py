"""Runs scripts in processes of their own, none of which may outlive its test."""

import contextlib
import dataclasses
import json
import os
import selectors
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

# Seconds after which a script counts as hung, however busy the machine is.
PATIENCE = 120


@dataclasses.dataclass
class Done:
    """How a script ended."""

    status: int
    out: str
    err: str


def _environment():
    search = os.pathsep.join(filter(None, (str(HERE), os.environ.get("PYTHONPATH"))))
    return os.environ | {"PYTHONPATH": search, "PYTHONFAULTHANDLER": "1"}


class _Zygote:
    """See zygote.py."""

    def __init__(self):
        self._process = subprocess.Popen(
            [sys.executable, HERE / "zygote.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=_environment()
        )

    def run(self, path, environment):
        out, err = path.with_suffix(".out"), path.with_suffix(".err")
        request = {"script": str(path), "stdout": str(out), "stderr": str(err), "environment": environment}
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        self._process.stdin.flush()
        pid = int(self._answer(PATIENCE))
        try:
            status = int(self._answer(PATIENCE))
        except TimeoutError:
            status = None
            os.kill(pid, signal.SIGABRT)  # faulthandler tells where every thread is
            try:
                self._answer(5)
            except TimeoutError:
                os.killpg(pid, signal.SIGKILL)
                self._answer(PATIENCE)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        return Done(status, out.read_text(), err.read_text())

    def _answer(self, patience):
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            if not selector.select(patience):
                raise TimeoutError
        return self._process.stdout.readline()

    def close(self):
        self._process.stdin.close()
        self._process.stdout.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        self._process.kill()
        self._process.wait()


@pytest.fixture(scope="session")
def _zygote():
    zygote = _Zygote()
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
