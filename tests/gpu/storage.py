"""Storage types, as the check of a device has them: `benchmarks/gpu/storage.py`.

It is loaded by its place, because workers import this package too, and no other of the tests.
"""

import runpy
from pathlib import Path

_FILE = Path(__file__).parents[2] / "benchmarks" / "gpu" / "storage.py"
UNIT, drawn, stored, values = map(
    runpy.run_path(str(_FILE)).__getitem__, ("UNIT", "drawn", "stored", "values")
)
