"""A whole training step as one CUDA graph: captured once, and launched as one piece.

Source: https://docs.nvidia.com/cuda/cuda-programming-guide/ (CUDA graphs, stream capture)
"""

import gc
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bakeoff_worker import schedules
from bakeoff_worker.program import Program

from .fused import NUMBERS, Arena, ArenaOptimizer
from .launch import Kernels, has

Array = Any
Tensor = Any

ROWS = 1024  # steps whose numbers lie ready on the device


class Captured:
    """Work on the device that is queued by one launch.

    ``work`` is called twice: once for real, so that kernels are compiled, algorithms chosen and
    memory taken; and once captured, where all memory comes from what the first call left in a
    pool that nothing else uses. It must read and write the same arrays every time.

    Attributes
    ----------
    result
        What ``work`` returned while it was captured: each launch fills it anew.
    """

    def __init__(self, cp: Any, work: Callable[[], Any]) -> None:
        self._pool = cp.cuda.MemoryPool()
        self._stream = cp.cuda.Stream()  # waits for the default stream, and that for it
        collecting = gc.isenabled()
        gc.disable()  # freed arrays of others may ask the device what capture forbids
        try:
            with cp.cuda.using_allocator(self._pool.malloc), self._stream:
                work()
                self._stream.synchronize()
                self._stream.begin_capture()
                try:
                    self.result = work()
                finally:
                    self._graph = self._stream.end_capture()
        finally:
            if collecting:
                gc.enable()

    def launch(self) -> None:
        """Queue the work, behind what the default stream holds."""
        self._graph.launch(self._stream)


class Numbers:
    """A table of the next steps' numbers on the device, from which each step takes a row."""

    def __init__(self, cp: Any, kernels: Kernels, count: int) -> None:
        self._cp, self._kernels, self._count = cp, kernels, count
        self.present = cp.zeros((count,), "float32")
        self._table = cp.zeros((ROWS, count), "float32")
        self._row = cp.zeros((1,), "int32")

    def fill(self, rows: Sequence[Sequence[float]]) -> None:
        """Put a new table in place, whose first row is next."""
        self._table.set(np.asarray(rows, "f4"))
        self._row.fill(0)

    def advance(self) -> None:
        """Queue: take the next row."""
        arguments = (self._table, self._row, self.present, np.int32(self._count))
        self._kernels.launch("optimizers", "next_numbers", (1,), (32,), arguments)


class GraphTraining:
    """A training program whose step is captured when it is first called.

    Data are copied into arrays of the graph's own; the loss is copied out.
    """

    def __init__(
        self, cp: Any, kernels: Kernels, wrap: Callable[[Array], Tensor], program: Program,
        gradient: Callable[..., Any], optimizer: ArenaOptimizer,
    ) -> None:  # fmt: skip
        ask = program.ask
        names = [v.name for v in program.inputs]
        self._cp, self._wrap, self._gradient, self._optimizer = cp, wrap, gradient, optimizer
        self._wrt = [names.index(n) for n in ask["params"]]
        self._data = [names.index(v.name) for v in program.data_inputs]
        self._lr = schedules.learning_rate(ask.get("schedule"), ask["hyper"]["lr"])
        self._numbers = Numbers(cp, kernels, len(NUMBERS[optimizer.name]))
        self._inputs: list[Array] = []
        self._state: list[Arena] = []
        self._captured: Captured | None = None
        self._t = 0

    def load(self, params: Sequence[Tensor]) -> None:
        """Set the parameters (copied) and forget the optimizer's state."""
        fresh = self._optimizer.init(params)
        if self._state:  # the graph writes to the arenas that it was captured with
            _restore(self._cp, self._state, fresh)
        else:
            self._state = fresh
        self._t = 0

    def params(self) -> tuple[Tensor, ...]:
        """Return copies of the present parameters."""
        return tuple(self._wrap(p.value.copy()) for p in self._optimizer.params(self._state))

    def __call__(self, *data: Tensor) -> tuple[Tensor, ...]:
        """Do one step; return the loss before it."""
        if not self._state:
            raise ValueError("training: no parameters; call load(params) first")
        if self._captured is None:
            self._captured = self._capture(data)
        if self._t % ROWS == 0:
            steps = range(self._t, self._t + ROWS)
            self._numbers.fill([self._optimizer.numbers(self._lr(t), t + 1) for t in steps])
        for held, given in zip(self._inputs, data, strict=True):
            self._cp.copyto(held, given.value)
        self._captured.launch()
        self._t += 1
        return (self._wrap(self._captured.result.copy()),)

    def _capture(self, data: Sequence[Tensor]) -> Captured:
        self._inputs = [d.value.copy() for d in data]
        before = [arena.copy() for arena in self._state]
        self._numbers.fill([self._optimizer.numbers(self._lr(0), 1)] * ROWS)
        captured = Captured(self._cp, self._step)
        _restore(self._cp, self._state, before)
        return captured

    def _step(self) -> Array:
        arguments: list[Any] = [None] * (len(self._wrt) + len(self._data))
        for i, param in zip(self._wrt, self._optimizer.params(self._state), strict=True):
            arguments[i] = param
        for i, array in zip(self._data, self._inputs, strict=True):
            arguments[i] = self._wrap(array)
        (loss,), grads = self._gradient(tuple(arguments), None)
        self._numbers.advance()
        for arena in self._state:
            arena.gather(grads)
            self._optimizer.launch(arena, self._numbers.present)
        return loss.value


def _restore(cp: Any, state: Sequence[Arena], values: Sequence[Arena]) -> None:
    for arena, other in zip(state, values, strict=True):
        cp.copyto(arena.weights, other.weights)
        for slot, value in zip(arena.slots, other.slots, strict=True):
            cp.copyto(slot, value)


def capturable(program: Program) -> bool:
    """Return whether a program's step can be captured: kernels of ours update its parameters."""
    types = {v.name: v.dtype for v in program.inputs}
    return program.kind == "training" and all(has(types[n]) for n in program.ask["params"])
