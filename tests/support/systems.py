"""What tests need of the system."""

import pytest

from penstock import system

needs_descriptors = pytest.mark.skipif(not system.KNOWS_FILES, reason="no file is kept open on this system")
