"""Training for toolkits whose optimizers change parameters in place."""

from typing import Any, List, Optional, Sequence, Tuple

from bakeoff_worker import schedules
from bakeoff_worker.program import Program

Tensor = Any


class InPlaceTraining(object):
    """One optimizer step per call over parameters that stay; returns the loss before it.

    A subclass says how its toolkit begins, steps and copies: `start`, `step`, `copy`.
    """

    def __init__(self, program: Program) -> None:
        ask = program.ask
        names = [v.name for v in program.inputs]
        self._rate = schedules.learning_rate(ask.get("schedule"), ask["hyper"]["lr"])
        self._positions = [names.index(n) for n in ask["params"]]
        self._data = [names.index(v.name) for v in program.data_inputs]
        self._arguments: List[Any] = [None] * len(names)
        self._params: Optional[Sequence[Any]] = None
        self._t = 0

    def start(self, params: Sequence[Tensor]) -> Sequence[Any]:
        """Return the toolkit's parameters, with copies of the values, and a fresh optimizer."""
        raise NotImplementedError("%s.start" % type(self).__name__)

    def step(self, arguments: Sequence[Any], lr: float, t: int) -> Tensor:
        """Do step ``t`` = 1, 2, ... and return the loss; ``arguments`` as the program's inputs."""
        raise NotImplementedError("%s.step" % type(self).__name__)

    def copy(self, param: Any) -> Tensor:
        """Return a parameter's present values as a tensor."""
        raise NotImplementedError("%s.copy" % type(self).__name__)

    def load(self, params: Sequence[Tensor]) -> None:
        """Set the parameters (copied) and forget the optimizer's state."""
        self._params = self.start(params)
        self._t = 0
        for position, param in zip(self._positions, self._params):
            self._arguments[position] = param

    def params(self) -> Tuple[Tensor, ...]:
        """Return copies of the present parameters."""
        return tuple(self.copy(p) for p in self._loaded())

    def __call__(self, *data: Tensor) -> Tuple[Tensor, ...]:
        self._loaded()
        for position, tensor in zip(self._data, data):
            self._arguments[position] = tensor
        lr = self._rate(self._t)
        self._t += 1
        return (self.step(self._arguments, lr, self._t),)

    def _loaded(self) -> Sequence[Any]:
        if self._params is None:
            raise ValueError("training: no parameters; call load(params) first")
        return self._params
