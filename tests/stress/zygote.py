"""Runs scripts in processes that have imported everything and done nothing yet.

Importing torch takes seconds. So one process imports it, starts no thread, and forks for every request, a line of
JSON on stdin; it answers with the child's pid and, once that has ended, with its exit status. In the child the
script is `__main__` and ends as any other: its variables live until Python's finalisation.
"""

import json
import os
import sys
from pathlib import Path

import stress_support  # noqa: F401 - imported ahead


def _serve():
    """Fork until there are no more requests; return the one to run in a child, and None in the parent."""
    while line := sys.stdin.readline():
        request = json.loads(line)
        if (pid := os.fork()) == 0:
            return request
        print(pid, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
    return None


if __name__ == "__main__" and (request := _serve()) is not None:
    os.setsid()
    for fd, path in enumerate((os.devnull, request["stdout"], request["stderr"])):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), fd)
    os.environ.update(request["environment"])
    __file__ = request["script"]
    exec(compile(Path(__file__).read_text(), __file__, "exec"))  # noqa: S102 - the test's own script
