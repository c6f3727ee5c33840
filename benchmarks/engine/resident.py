"""What the benchmark's own adapters share: NumPy's arrays as tensors, and its BLAS."""

from typing import Any

import numpy as np

from bakeoff_worker import Adapter, blas

Array = Any


class ResidentAdapter(Adapter):
    """NumPy's arrays as they are."""

    dtypes = ("float32", "int64")

    def __init__(self, threads: int = 1) -> None:
        super().__init__(threads)
        blas.limit_threads(threads)

    def tensor(self, array: Any, dtype: str) -> Array:
        return np.array(array, dtype)

    def to_numpy(self, tensor: Array) -> Any:
        return np.asarray(tensor)

    def describe(self) -> dict[str, Any]:
        found = blas.libraries()
        return {
            "toolkit": "NumPy", "version": np.__version__, "device": "cpu",
            "threads": blas.threads_of(found), "blas": found,
        }  # fmt: skip
