"""Put this folder on the path: the importer is plain modules, shared with coverage_table.py."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
