"""PyTorch's captured training steps on the processor: a replay does the captured work again."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bakeoff_worker.loader import load_class

_PATH = Path(__file__).parents[2] / "backends" / "bakeoff_torch" / "adapter.py"
TorchAdapter = load_class(str(_PATH), "TorchAdapter")
cuda = sys.modules[TorchAdapter.__module__.rpartition(".")[0] + ".cuda"]


def _captured(torch: Any, work: Callable[[], Any]) -> tuple[Callable[[], None], Any]:
    """As `cuda.captured`: the work is done before, too, and replays write to one result."""
    for _ in range(cuda.WARMUPS):
        result = work()
    return lambda: result.copy_(work()), result


cuda.captured, cuda.capturable = _captured, lambda wide: {}


class PosedGraph(TorchAdapter):
    """All but the capture and the optimizer's options is the backend's own."""

    def __init__(self, threads: int = 1) -> None:
        super().__init__(threads, graph=True)
