"""Options and markers of the whole suite, and how many cases hypothesis tries."""

import os
import signal
import sys

import hypothesis
import pytest
import torch

# One thread more than a core slows small operations down a hundredfold.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
# What a shell starts in the background ignores Ctrl-C, and so does all that it starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser):
    parser.addoption(
        "--slow",
        action="store_true",
        help="run the tests that take minutes, too, and all cases of property tests instead of a third of them",
    )
    parser.addoption(
        "--cases",
        type=int,
        metavar="N",
        help="try N cases in each property test, different ones in each run (default: the same few hundred always)",
    )


def pytest_unconfigure(config):
    if "penstock.hints" in sys.modules:  # tests make loaders that nobody iterates over
        sys.modules["penstock.hints"].forget()


def pytest_configure(config):
    cases = config.getoption("--cases")
    common = {
        "deadline": None,  # two processes on one core take turns
        "database": None,
        "print_blob": True,
        "suppress_health_check": list(hypothesis.HealthCheck),
    }
    # Without the option a run is repeatable: what failed fails again, and what passed passes.
    hypothesis.settings.register_profile("same", derandomize=True, **common)
    hypothesis.settings.register_profile("all", derandomize=True, **common)
    hypothesis.settings.register_profile("new", max_examples=cases or 100, **common)
    usual = "all" if config.getoption("--slow") else "same"
    hypothesis.settings.load_profile(usual if cases is None else "new")


def pytest_collection_modifyitems(config, items):
    for item in items:
        if "slow" in item.keywords and not config.getoption("--slow"):
            item.add_marker(pytest.mark.skip(reason="takes minutes; runs with --slow"))
        if "cuda" in item.keywords and not torch.cuda.is_available():
            item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))
