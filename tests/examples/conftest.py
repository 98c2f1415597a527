"""Code for users runs as its user would run it, in a process of its own that need not import torch again."""

import os

import pytest
from support.documentation import ROOT
from support.zygote import Zygote

# Python would go on to free every module of torch's, which takes longer than most of the code.
ENDING = """
import atexit, os, sys
atexit._run_exitfuncs()
sys.stdout.flush()
os._exit(0)
"""


@pytest.fixture(scope="session")
def zygote():
    # Nothing here may ask a hub.
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
    search = os.pathsep.join(filter(None, (str(ROOT / "tests"), os.environ.get("PYTHONPATH"))))
    made = Zygote("support.documentation", {**os.environ, **offline, "PYTHONPATH": search})
    yield made
    made.close()


@pytest.fixture
def passes(zygote, tmp_path):
    """Runs Python code in the test's folder, which must end well and leave nothing to torch; returns its output."""

    def run(code):
        script = tmp_path / "script.py"
        script.write_text(f"import os\nos.chdir({str(tmp_path)!r})\n{code}{ENDING}")
        done = zygote.run(script, {})
        assert done.status == 0, f"status {done.status}\n{done.out}\n{done.err}"
        assert "torch's own loader makes these batches" not in done.err
        return done.out

    return run
