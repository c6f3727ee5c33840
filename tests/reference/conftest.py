"""Put this folder on the path: formulas and calls are plain modules, shared by the tests."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
