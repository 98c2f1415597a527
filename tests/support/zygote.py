"""Runs scripts in processes that have imported everything and done nothing yet.

Importing torch takes seconds. So one process imports it, starts no thread, and forks for every request, a line of
JSON on stdin; it answers with the child's pid and, once that has ended, with its exit status. In the child the
script is `__main__` and ends as any other: its variables live until Python's finalisation.
"""

import contextlib
import dataclasses
import importlib
import json
import os
import selectors
import signal
import subprocess
import sys
from pathlib import Path

# Seconds after which a script counts as hung, however busy the machine is.
PATIENCE = 120


@dataclasses.dataclass
class Done:
    """How a script ended; the status is None if it hung."""

    status: int | None
    out: str
    err: str


class Zygote:
    """The process, as its clients see it.

    Args:
        imported: A module that it imports ahead.
        environment: Its environment.
    """

    def __init__(self, imported: str, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", __file__, imported],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
        )

    def run(self, path: Path, environment: dict[str, str]) -> Done:
        """Run a script in a child, with more environment; none of its processes is left when this returns."""
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

    def _answer(self, patience: float) -> bytes:
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            if not selector.select(patience):
                raise TimeoutError
        return self._process.stdout.readline()

    def close(self) -> None:
        """End the process."""
        self._process.stdin.close()
        self._process.stdout.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        self._process.kill()
        self._process.wait()


def _serve():
    """Fork until there are no more requests; return the one to run in a child, and None in the parent."""
    while line := sys.stdin.readline():
        request = json.loads(line)
        if (pid := os.fork()) == 0:
            return request
        print(pid, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
    return None


if __name__ == "__main__":
    importlib.import_module(sys.argv[1])
    if (request := _serve()) is not None:
        os.setsid()
        for fd, path in enumerate((os.devnull, request["stdout"], request["stderr"])):
            os.dup2(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), fd)
        os.environ.update(request["environment"])
        __file__ = request["script"]
        exec(compile(Path(__file__).read_text(), __file__, "exec"))  # noqa: S102 - the test's own script
