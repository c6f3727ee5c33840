"""What the adapter asks of Keras's engines: threads, version, waiting. Imported before Keras."""

import os
from typing import Any, Callable, Dict


class TensorflowEngine(object):
    """TensorFlow's pools, inside ops and between them."""

    has_views = False
    strided_or_dilated = True

    def __init__(self, threads: int) -> None:
        import tensorflow

        self._threading = tensorflow.config.threading
        self._threading.set_intra_op_parallelism_threads(threads)
        self._threading.set_inter_op_parallelism_threads(threads)
        self.version = tensorflow.__version__

    def threads(self) -> int:
        return int(self._threading.get_intra_op_parallelism_threads())

    def synchronize(self, values: Any) -> None:
        """TensorFlow computes before it returns."""


class TorchEngine(object):
    """PyTorch's pools; its reshapes are views."""

    has_views = True
    strided_or_dilated = False

    def __init__(self, threads: int) -> None:
        import torch

        torch.set_num_threads(threads)
        if torch.get_num_interop_threads() != threads:  # may be set once per process
            torch.set_num_interop_threads(threads)
        self._torch, self.version = torch, torch.__version__

    def threads(self) -> int:
        return int(self._torch.get_num_threads())

    def synchronize(self, values: Any) -> None:
        """PyTorch computes before it returns."""


class JaxEngine(object):
    """JAX, whose results are promises."""

    has_views = False
    strided_or_dilated = False

    def __init__(self, threads: int) -> None:
        os.environ["NPROC"] = str(threads)  # the pool's size is read when XLA's client starts
        import jax

        self._jax, self.version = jax, jax.__version__

    def threads(self) -> int:
        return int(os.environ["NPROC"])

    def synchronize(self, values: Any) -> None:
        self._jax.block_until_ready(self._jax.live_arrays() if values is None else values)


ENGINES: Dict[str, Callable[[int], Any]] = {
    "tensorflow": TensorflowEngine,
    "torch": TorchEngine,
    "jax": JaxEngine,
}
