"""Runs scripts in fresh interpreters, none of which may outlive its test."""

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

# What a script may take on a busy machine before it counts as hung.
PATIENCE = 120


@pytest.fixture
def script(tmp_path):
    """Runs Python code in an interpreter of its own; kills all of its processes if it hangs."""

    def run(code, *, timeout=PATIENCE, **environment):
        path = tmp_path / "script.py"
        path.write_text("from stress_support import *\n\n" + textwrap.dedent(code))
        search = os.pathsep.join(filter(None, (str(HERE), os.environ.get("PYTHONPATH"))))
        process = subprocess.Popen(
            [sys.executable, "-X", "faulthandler", str(path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env=os.environ | {"PYTHONPATH": search} | environment,
        )
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGABRT)  # faulthandler tells where every thread is
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            pytest.fail(f"hung for {timeout} s\n{out}\n{err}")
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    return run


@pytest.fixture
def passes(script):
    """Runs a script that must end well and say nothing on stderr."""

    def run(code, **options):
        done = script(code, **options)
        assert done.returncode == 0, f"status {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert not done.stderr, done.stderr
        return done.stdout

    return run
