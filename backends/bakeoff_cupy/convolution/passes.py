"""Passes of convolutions on arrays of a device: by cuDNN, else left to im2col and products."""

import sys
from collections.abc import Callable
from typing import Any

from .plans import UIDS, Plan, Refused, build
from .problem import DTYPES, Pass, Problem, Shape, problem

Array = Any

ALIGNED_BYTES = 16  # what cuDNN's kernels expect of every pointer


class Convolutions:
    """``xp.convolution`` of the engine.

    All that a pass needs is queued on the current stream, and its memory is of the array
    module's: so it can be captured into a graph, once it was called before.

    Parameters
    ----------
    frontend
        The module ``cudnn`` of nvidia-cudnn-frontend; None if it is missing.
    empty, contiguous
        ``empty(shape, dtype)`` and ``ascontiguousarray`` of the array module.
    stream
        Returns the current stream's handle.
    tf32
        Let float32 products be of operands rounded to TF32.
    missing
        Why there is no frontend.
    """

    def __init__(
        self, frontend: Any, empty: Callable[..., Array], contiguous: Callable[[Array], Array],
        stream: Callable[[], int], tf32: bool = False, missing: str = "",
    ) -> None:  # fmt: skip
        self._cudnn, self._empty, self._contiguous = frontend, empty, contiguous
        self._stream, self._tf32, self._missing = stream, tf32, missing
        self._handle: Any = None
        self._handle_stream: int | None = None
        self._plans: dict[Problem, Plan | None] = {}
        self._used: dict[Any, Plan | None] = {}

    def __call__(self, which: Pass, a: Array, b: Array, shape: Shape, geo: Any) -> Array | None:
        """Return a pass's result, of a shape; None where it is left to im2col.

        ``a`` and ``b`` are input and filter, cotangent and filter, or cotangent and input. The
        result may lie in memory with its channels last.
        """
        asked = (which, a.dtype, a.shape, b.shape, shape, geo)
        if asked not in self._used:
            self._used[asked] = self._plan(*asked)
        plan = self._used[asked]
        return None if plan is None else self._execute(plan, a, b, shape)

    def _plan(
        self, which: Pass, dtype: Any, a: Shape, b: Shape, shape: Shape, geo: Any
    ) -> Plan | None:
        if self._cudnn is None or str(dtype) not in DTYPES:
            return None
        asked = problem(which, str(dtype), self._tf32, a, b, shape, geo)
        if asked not in self._plans:
            self._plans[asked] = self._build(asked)
        return self._plans[asked]

    def _build(self, asked: Problem) -> Plan | None:
        if self._handle is None:
            self._handle = self._cudnn.create_handle()
        reason = asked.check()
        try:
            plan = None if reason else build(self._cudnn, asked, handle=self._handle)
        except Refused as error:
            plan, reason = None, str(error)
        if reason:
            print(f"cuDNN: {asked}: {reason}; by im2col", file=sys.stderr)
        return plan

    def _execute(self, plan: Plan, a: Array, b: Array, shape: Shape) -> Array:
        last = plan.problem.tensor_cores
        out = self._empty(_last(shape) if last else shape, a.dtype)
        arrays = (self._laid_out(a, last), self._laid_out(b, last), out)
        workspace = self._empty((max(plan.workspace_bytes, 1),), "uint8")
        if self._handle_stream != (stream := self._stream()):
            self._cudnn.set_stream(self._handle, stream)
            self._handle_stream = stream
        pointers = {uid: array.data.ptr for uid, array in zip(UIDS, arrays, strict=True)}
        plan.graph.execute(pointers, workspace.data.ptr, handle=self._handle)
        return out.transpose((0, out.ndim - 1, *range(1, out.ndim - 1))) if last else out

    def _laid_out(self, x: Array, last: bool) -> Array:
        """Return the array with its channels where they belong; itself if it lies so."""
        if last:
            x = x.transpose((0, *range(2, x.ndim), 1))
        x = self._contiguous(x)
        return x.copy() if x.data.ptr % ALIGNED_BYTES else x

    def forget(self) -> None:
        """Begin to count anew what `figures` tells. Plans are kept."""
        self._used = {}

    def figures(self) -> dict[str, int]:
        """Return how many different passes there were, by whom, and the largest workspace."""
        if not self._used:
            return {}  # of a program without convolutions
        plans = [p for p in self._used.values() if p is not None]
        return {
            "cudnn_passes": len(plans),
            "im2col_passes": len(self._used) - len(plans),
            "cudnn_workspace_bytes": max((p.workspace_bytes for p in plans), default=0),
        }

    def describe(self) -> str:
        """Return what computes convolutions, for the record."""
        if self._cudnn is None:
            return f"im2col and matrix products; no cuDNN: {self._missing}"
        return (
            f"cuDNN {self._cudnn.backend_version()} by its frontend {self._cudnn.__version__}; "
            "deterministic; float64, and what cuDNN refuses, by im2col and matrix products"
        )


def _last(shape: Shape) -> Shape:
    """(N, C, *space) --> (N, *space, C)."""
    return (shape[0], *shape[2:], shape[1])


def load(cuda: int) -> tuple[Any, str]:
    """Return cuDNN's frontend, with the library found; or None, and why.

    ``cuda`` is the major version of CUDA that CuPy was built for, whose cuDNN it needs.
    """
    try:
        import cudnn

        cudnn.backend_version()
    except (ImportError, RuntimeError, OSError) as error:
        return None, f"{error}; install nvidia-cudnn-frontend and nvidia-cudnn-cu{cuda}"
    return cudnn, ""
