"""Training steps as one CUDA graph: captured once, and launched as one piece.

Source: https://docs.nvidia.com/cuda/cuda-programming-guide/ (CUDA graphs, stream capture)
"""

import gc
from collections.abc import Callable, Sequence
from typing import Any

from .training import Training

Array = Any
Tensor = Any


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


class Steps:
    """So many steps as one graph, each with memory of its own for its data.

    A step's data are copied into it unless they are what it was given last: tensors do not
    change. Batches that lie on the device and come in turn, as many as divide the number of
    steps, are so copied once.
    """

    def __init__(
        self, cp: Any, work: Callable[[Sequence[Array], Array], None], dtype: str,
        batches: Sequence[Sequence[Array]],
    ) -> None:  # fmt: skip
        self._cp = cp
        self._given = [list(batch) for batch in batches]
        self._held = [[array.copy() for array in batch] for batch in batches]
        self._losses = cp.zeros((len(batches),), dtype)
        self._graph = Captured(cp, lambda: self._all(work))

    def _all(self, work: Callable[[Sequence[Array], Array], None]) -> None:
        for i, data in enumerate(self._held):
            work(data, self._losses[i : i + 1])

    def launch(self, batches: Sequence[Sequence[Array]], losses: Array) -> None:
        """Queue the steps on a batch each; the losses before them are copied out."""
        for given, held, batch in zip(self._given, self._held, batches, strict=True):
            for i, array in enumerate(batch):
                if given[i] is not array:
                    self._cp.copyto(held[i], array)
                    given[i] = array
        self._graph.launch()
        self._cp.copyto(losses, self._losses)


class GraphTraining(Training):
    """A training program of which so many steps are captured when they are first asked for.

    With several to a graph, steps wait until there are enough of them, or until `flush`:
    what is left over is launched one by one. The losses that steps return lie in memory
    which is written to then.

    Attributes
    ----------
    steps_at_once
        By which blocks are measured whole.
    """

    def __init__(self, *arguments: Any, steps: int = 1) -> None:
        super().__init__(*arguments)
        self.steps_at_once = steps
        self._graphs: dict[int, Steps] = {}
        self._waiting: list[list[Array]] = []
        self._losses: Array = None  # of the steps that wait

    def load(self, params: Sequence[Tensor]) -> None:
        self.flush()
        super().load(params)

    def params(self) -> tuple[Tensor, ...]:
        self.flush()
        return super().params()

    def __call__(self, *data: Tensor) -> tuple[Tensor, ...]:
        """Do one step, now or with those that follow; return the loss before it."""
        self._loaded()
        if not self._waiting:
            self._losses = self._cp.empty((self.steps_at_once,), self._dtype)
        i = len(self._waiting)
        loss = self._wrap(self._losses[i : i + 1].reshape(()))
        self._waiting.append([d.value for d in data])
        if i + 1 == self.steps_at_once:
            self._launch(self._waiting, self._losses)
            self._waiting = []
        return (loss,)

    def flush(self) -> None:
        """Queue the steps that wait."""
        waiting, self._waiting = self._waiting, []
        for i, batch in enumerate(waiting):
            self._launch([batch], self._losses[i : i + 1])

    def _launch(self, batches: Sequence[Sequence[Array]], losses: Array) -> None:
        count = len(batches)
        if count not in self._graphs:
            self._graphs[count] = self._capture(batches)
        self._numbers.provide(self._t, count)
        self._graphs[count].launch(batches, losses)
        self._t += count

    def _capture(self, batches: Sequence[Sequence[Array]]) -> Steps:
        before = [arena.copy() for arena in self._state]
        self._numbers.fill(self._t)  # for the run before the capture
        self._numbers.provide(self._t, len(batches))
        steps = Steps(self._cp, self._work, self._dtype, batches)
        self._restore(before)
        self._numbers.forget()
        return steps

    def _work(self, data: Sequence[Array], loss: Array) -> None:
        self._step(self._state, data, self._numbers, loss)
