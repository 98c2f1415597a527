"""What tests need of the system."""

import sys

import pytest

from penstock import _native, system

needs_descriptors = pytest.mark.skipif(not system.KNOWS_FILES, reason="no file is kept open on this system")
keeps_from_children = pytest.mark.skipif(
    _native.system != "unix" or sys.platform != "linux", reason="this system hands all memory to children of a fork"
)
