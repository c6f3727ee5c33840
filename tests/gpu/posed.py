"""The CuPy backends' adapters over stand-ins: NumPy for CuPy, cuBLASLt and cuDNN."""

import os
from pathlib import Path
from typing import Any

from bakeoff_cupy.adapter import CupyAdapter, GraphAdapter
from bakeoff_worker.adapter import Adapter
from gpu import fe, lt, posing


def _stand_ins() -> tuple[Any, Any, Any]:
    cp = posing.cupy(Path(os.environ["POSED_KERNELS"]))
    frontend = fe.Frontend(posing.queued, lambda: cp.cuda.get_current_stream().ptr, posing.EXTENTS)
    return cp, lt.Library(posing.queued), frontend


class Posed(CupyAdapter):
    """Everything above CuPy and cuBLASLt is the backend's own."""

    def __init__(self, threads: int = 1) -> None:
        Adapter.__init__(self, threads)
        self._build(*_stand_ins())


class PosedGraph(GraphAdapter):
    """Captured work is a list of calls, replayed into the same memory."""

    def __init__(self, threads: int = 1, steps: int = 1) -> None:
        Adapter.__init__(self, threads)
        self._steps = steps
        self._build(*_stand_ins())
