"""``import cupy`` in a worker of these tests: NumPy in its place (`gpu.posing`)."""

import os
from pathlib import Path

from gpu import posing

globals().update(vars(posing.cupy(Path(os.environ["POSED_KERNELS"]))))
