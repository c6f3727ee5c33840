"""The adapter of bakeoff's own engine, loaded by location, as adapters are.

Importing the package ``bakeoff_numpy`` would register a plugin, for which workers have no use.
"""

import importlib.util
from pathlib import Path

_FILE = Path(__file__).parents[2] / "backends" / "bakeoff_numpy" / "adapter.py"
_SPEC = importlib.util.spec_from_file_location("engine_adapter_of_bakeoff", _FILE)
assert _SPEC is not None
assert _SPEC.loader is not None
_MODULE = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_MODULE)

NumpyAdapter = _MODULE.NumpyAdapter
PlanAdapter = _MODULE.PlanAdapter
