"""Plans whose convolutions are exact: sums of products, no transform whose error is larger."""

from typing import Any

import numpy as np

from bakeoff_worker import Adapter, blas
from bakeoff_worker.program import Program

STRATEGY = "blocked"  # columns, block by block; the gradient of the input by convolutions of it


class DirectAdapter(Adapter):
    """Runs forward and gradient plans on NumPy's arrays as they are."""

    name = "numpy-plan-direct"
    dtypes = ("float32",)
    asks = ("forward", "gradient")

    def __init__(self, threads: int = 1) -> None:
        super().__init__(threads)
        from bakeoff_reference.conv.settings import ConvSettings

        blas.limit_threads(threads)
        self._conv = ConvSettings(strategy=STRATEGY)
        self.ops = engine_ops()

    def tensor(self, array: Any, dtype: str) -> Any:
        return np.array(array, dtype)

    def to_numpy(self, tensor: Any) -> Any:
        return np.asarray(tensor)

    def compile(self, program: Program) -> Any:
        from bakeoff_reference.plan import compile_program

        return compile_program(program, self._conv)

    def describe(self) -> dict[str, Any]:
        found = blas.libraries()
        return {
            "toolkit": "NumPy", "version": np.__version__, "device": "cpu",
            "threads": blas.threads_of(found), "blas": found,
        }  # fmt: skip


def engine_ops() -> Any:
    from bakeoff_reference.engine import DEFAULT

    return DEFAULT.ops
