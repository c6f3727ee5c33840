"""A whole training step as one CUDA graph: forward, backward and the optimizer.

Source: https://docs.pytorch.org/docs/stable/notes/cuda.html (whole-network capture)
"""

from typing import Any, Callable, List, Optional, Sequence

from bakeoff_worker.program import Program
from bakeoff_worker.training import InPlaceTraining

from . import cuda

Tensor = Any

OPTIMIZERS = ("adam", "adamw")  # those that keep their step on the device, and read a rate there


class GraphTraining(InPlaceTraining):
    """A training program whose step is captured when it is first called.

    Data are copied into tensors of the graph's own; the loss is copied out. The graph writes to
    the parameters and slots that it was captured with, so that `load` sets their values.

    Parameters
    ----------
    native
        Makes the optimizer's object: ``native(parameters, rate, **options)``.
    """

    def __init__(
        self, torch: Any, program: Program, fn: Callable[..., Any], native: Callable[..., Any]
    ) -> None:
        super().__init__(program)
        self._torch, self._fn, self._native = torch, fn, native
        self._leaves: List[Tensor] = []
        self._optimizer: Any = None
        self._rate_held: Tensor = None
        self._rate_now: Optional[float] = None
        self._replay: Optional[Callable[[], None]] = None
        self._loss: Tensor = None
        self._held: List[Tensor] = []

    def start(self, params: Sequence[Tensor]) -> List[Tensor]:
        """Return the leaves with the values of the parameters, the slots zeroed."""
        if not self._leaves:
            self._leaves = [p.detach().clone().requires_grad_() for p in params]
            wide = params[0].dtype == self._torch.float64
            dtype = self._torch.float64 if wide else self._torch.float32
            self._rate_held = self._torch.zeros((), dtype=dtype, device=params[0].device)
            options = cuda.capturable(wide)
            self._optimizer = self._native(self._leaves, self._rate_held, **options)
        self._reset(params)
        return self._leaves

    def step(self, arguments: Sequence[Tensor], lr: float, t: int) -> Tensor:
        """Replay the step on these data; return the loss."""
        if lr != self._rate_now:
            self._rate_held.fill_(lr)
            self._rate_now = lr
        if self._replay is None:
            self._capture(arguments)
        for i in self._data:
            self._held[i].copy_(arguments[i])
        assert self._replay is not None  # it was captured
        self._replay()
        return self._loss.clone()

    def copy(self, param: Tensor) -> Tensor:
        """Return a copy outside the tape."""
        return param.detach().clone()

    def _capture(self, arguments: Sequence[Tensor]) -> None:
        before = [p.detach().clone() for p in self._leaves]
        self._held = list(arguments)
        for i in self._data:
            self._held[i] = arguments[i].clone()
        self._replay, self._loss = cuda.captured(self._torch, self._once)
        self._reset(before)

    def _once(self) -> Tensor:
        self._optimizer.zero_grad(set_to_none=True)  # gradients lie in the graph's own memory
        (loss,) = self._fn(*self._held)
        loss.backward()
        self._optimizer.step()
        return loss.detach()

    def _reset(self, params: Sequence[Tensor]) -> None:
        with self._torch.no_grad():
            for leaf, value in zip(self._leaves, params):
                leaf.copy_(value)
            for state in self._optimizer.state.values():
                for slot in state.values():
                    slot.zero_()
