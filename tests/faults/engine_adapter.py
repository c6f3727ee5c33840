"""The adapter of bakeoff's own engine, loaded by location, as adapters are.

Importing the package ``bakeoff_numpy`` would register a plugin, for which workers have no use.
"""

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np

_FILE = Path(__file__).parents[2] / "backends" / "bakeoff_numpy" / "adapter.py"
_SPEC = importlib.util.spec_from_file_location("engine_adapter_of_bakeoff", _FILE)
assert _SPEC is not None
assert _SPEC.loader is not None
_MODULE = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_MODULE)

NumpyAdapter = _MODULE.NumpyAdapter
PlanAdapter = _MODULE.PlanAdapter


def tf32(x: Any) -> Any:
    """Round to 10 bits after the first, as tensor cores do with their operands."""
    bits = x.view(np.uint32)
    return ((bits + np.uint32(0x1000)) & np.uint32(0xFFFFE000)).view(np.float32)


def says_tf32(adapter: Any) -> None:
    """Have an adapter tell that its float32 products are of such operands."""
    described = adapter.describe
    adapter.describe = lambda: {**described(), "modes": {"tf32": True}}
