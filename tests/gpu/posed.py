"""The CuPy backend's adapter over stand-ins: NumPy for CuPy, `lt.Library` for cuBLASLt."""

import os
from pathlib import Path

from bakeoff_cupy.adapter import CupyAdapter
from bakeoff_worker.adapter import Adapter
from gpu import lt, posing


class Posed(CupyAdapter):
    """Everything above CuPy and cuBLASLt is the backend's own."""

    def __init__(self, threads: int = 1) -> None:
        Adapter.__init__(self, threads)
        self._build(posing.cupy(Path(os.environ["POSED_KERNELS"])), lt.Library())
