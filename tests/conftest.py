"""Which tests run one at a time: they measure, or count on a quick answer.

Two at once would spoil each other's times. All others may run side by side, a file to a process,
so that what a module shares is made once.
"""

import os
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ALONE = (
    "faults",
    "pytest_plugin",
    "runner/test_device_clock.py",
    "runner/test_machine.py",
    "runner/test_run_command.py",
    "runner/test_runner.py",
    "worker",
)
PLACES = frozenset(HERE / place for place in ALONE)
assert all(place.exists() for place in PLACES), "what was renamed must be renamed here"


def pytest_configure() -> None:
    """Let a pytest that a test starts be no worker: there pytest-benchmark measures nothing."""
    os.environ.pop("PYTEST_XDIST_WORKER", None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what lies in these places."""
    for item in items:
        if not PLACES.isdisjoint((item.path, *item.path.parents)):
            item.add_marker(pytest.mark.alone)
