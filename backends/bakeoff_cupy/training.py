"""Training programs over arenas: what a step reads lies on the device, and stays there."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from bakeoff_worker import schedules
from bakeoff_worker.program import Program

from .fused import NUMBERS, Arena, ArenaOptimizer
from .launch import Kernels, has

Array = Any
Tensor = Any

ROWS = 1024  # steps whose numbers lie ready on the device


class Numbers:
    """A table of the next steps' numbers on the device, from which each step takes a row.

    Attributes
    ----------
    present
        Those of the step that is under way.
    """

    def __init__(
        self, cp: Any, kernels: Kernels, count: int, of_step: Callable[[int], Sequence[float]]
    ) -> None:
        self._kernels, self.count, self._of_step = kernels, count, of_step
        self.present = cp.zeros((count,), "float32")
        self.table = cp.zeros((ROWS, count), "float32")
        self.row = cp.zeros((1,), "int32")
        self._first = -ROWS  # the step of the table's first row
        self._next: int | None = None  # the step whose row is next, if that is known

    def fill(self, t: int) -> None:
        """Put the numbers of the steps from ``t`` on, from 0, into the table."""
        self.table.set(np.asarray([self._of_step(s) for s in range(t, t + ROWS)], "f4"))
        self._first, self._next = t, None

    def provide(self, t: int, steps: int) -> None:
        """See to it that the numbers of this many steps from ``t`` on are next."""
        if not self._first <= t <= self._first + ROWS - steps:
            self.fill(t)
        if t != self._next:
            self.row.fill(t - self._first)
        self._next = t + steps

    def forget(self) -> None:
        """Do not rely on which row is next."""
        self._next = None

    def advance(self) -> None:
        """Queue: take the next row, by a kernel of its own."""
        arguments = (self.table, self.row, self.present, np.int32(self.count))
        self._kernels.launch("optimizers", "next_numbers", (1,), (32,), arguments)


class Step(Protocol):
    """One training step.

    Attributes
    ----------
    launches
        How many kernels it is, if that is known.
    """

    launches: int | None

    def __call__(
        self, state: Sequence[Arena], data: Sequence[Array], numbers: Numbers, loss: Array
    ) -> None:
        """Queue it: change the state, and write the loss before it to ``loss`` (1,)."""


class TapeStep:
    """Any step: the tape's loss and gradients, and the optimizer's kernels."""

    def __init__(
        self, cp: Any, wrap: Callable[[Array], Tensor], program: Program,
        gradient: Callable[..., Any], optimizer: ArenaOptimizer,
    ) -> None:  # fmt: skip
        names = [v.name for v in program.inputs]
        self._cp, self._wrap, self._gradient, self._optimizer = cp, wrap, gradient, optimizer
        self._wrt = [names.index(n) for n in program.ask["params"]]
        self._data = [names.index(v.name) for v in program.data_inputs]
        self.launches: int | None = None

    def __call__(
        self, state: Sequence[Arena], data: Sequence[Array], numbers: Numbers, loss: Array
    ) -> None:
        arguments: list[Any] = [None] * (len(self._wrt) + len(self._data))
        for i, param in zip(self._wrt, self._optimizer.params(state), strict=True):
            arguments[i] = param
        for i, array in zip(self._data, data, strict=True):
            arguments[i] = self._wrap(array)
        (result,), grads = self._gradient(tuple(arguments), None)
        self._cp.copyto(loss, result.value.reshape((1,)))
        numbers.advance()
        for arena in state:
            arena.gather(grads)
            self._optimizer.launch(arena, numbers.present)


class Training:
    """A training program whose steps are queued as they come."""

    def __init__(
        self, cp: Any, kernels: Kernels, wrap: Callable[[Array], Tensor], program: Program,
        step: Step, optimizer: ArenaOptimizer,
    ) -> None:  # fmt: skip
        ask = program.ask
        lr = schedules.learning_rate(ask.get("schedule"), ask["hyper"]["lr"])
        self._cp, self._wrap, self._step, self._optimizer = cp, wrap, step, optimizer
        self._numbers = Numbers(
            cp, kernels, len(NUMBERS[optimizer.name]), lambda t: optimizer.numbers(lr(t), t + 1)
        )
        self._dtype = program.values()[program.outputs[0]].dtype
        self._state: list[Arena] = []
        self._t = 0
        self.launches_per_step = step.launches

    def load(self, params: Sequence[Tensor]) -> None:
        """Set the parameters (copied) and forget the optimizer's state.

        The first steps' numbers are on the device by then: they take the host milliseconds.
        """
        fresh = self._optimizer.init(params)
        if self._state:  # a graph writes to the arenas that it was captured with
            self._restore(fresh)
        else:
            self._state = fresh
        self._numbers.provide(0, 0)
        self._t = 0

    def params(self) -> tuple[Tensor, ...]:
        """Return copies of the present parameters."""
        return tuple(self._wrap(p.value.copy()) for p in self._optimizer.params(self._loaded()))

    def __call__(self, *data: Tensor) -> tuple[Tensor, ...]:
        """Do one step; return the loss before it."""
        state, loss = self._loaded(), self._cp.empty((1,), self._dtype)
        self._numbers.provide(self._t, 1)
        self._step(state, [d.value for d in data], self._numbers, loss)
        self._t += 1
        return (self._wrap(loss.reshape(())),)

    def flush(self) -> None:
        """Queue the steps that wait: none does."""

    def _loaded(self) -> list[Arena]:
        if not self._state:
            raise ValueError("training: no parameters; call load(params) first")
        return self._state

    def _restore(self, values: Sequence[Arena]) -> None:
        for arena, other in zip(self._state, values, strict=True):
            arena.restore(other)


def on_device(program: Program) -> bool:
    """Return whether a training program's steps can stay on the device.

    Kernels of ours must update its parameters: they find a step's numbers there.
    """
    types = {v.name: v.dtype for v in program.inputs}
    return program.kind == "training" and all(has(types[n]) for n in program.ask["params"])
