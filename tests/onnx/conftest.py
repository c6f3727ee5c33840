"""Put this folder on the path: the importer is plain modules, shared with coverage_table.py."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
HERE = "onnx 1.17, the last release with the node test data, is not installed (no wheel for 3.13)"


class _Absent(pytest.Module):
    """Stands for a module that cannot be imported without onnx."""

    def collect(self) -> Iterator[pytest.Item]:
        pytest.skip(HERE, allow_module_level=True)


def pytest_pycollect_makemodule(
    module_path: Path, parent: pytest.Collector
) -> pytest.Module | None:
    """Skip this folder's modules, with the reason, where onnx is not installed."""
    found = importlib.util.find_spec("onnx")
    if found is not None and found.origin is not None:  # without it: this very folder
        return None
    return _Absent.from_parent(parent, path=module_path)
