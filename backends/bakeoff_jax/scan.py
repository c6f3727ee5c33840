"""Several training steps in one call of the device: ``jax.lax.scan`` over batches.

Source: https://docs.jax.dev/en/latest/_autosummary/jax.lax.scan.html
"""

from typing import Any, List, Optional, Sequence, Tuple

from bakeoff_worker.program import Program

from .training import Training

Tensor = Any


class Pending(object):
    """The loss of a step that waits for others; asking for its value ends the waiting."""

    def __init__(self, training: "ScanTraining") -> None:
        self._training = training
        self._value: Optional[Tensor] = None

    def fill(self, value: Tensor) -> None:
        self._value = value

    def value(self) -> Tensor:
        """Return the loss as a toolkit's tensor."""
        if self._value is None:
            self._training.flush()
        return self._value


class ScanTraining(Training):
    """A training program whose steps wait until there are ``steps`` of them, or for `flush`.

    Batches that lie on the device and come in turn, as many as divide the number of steps, are
    stacked once. What is left over at a flush is done one by one.

    Attributes
    ----------
    steps_at_once
        By which blocks are measured whole.
    """

    def __init__(self, adapter: Any, program: Program, fn: Any, wide: bool, steps: int) -> None:
        super().__init__(adapter, program, fn, wide)
        self.steps_at_once = steps
        self._waiting: List[Tuple[Sequence[Tensor], Any, Pending]] = []
        self._stacked: Tuple[List[Tensor], Any] = ([], None)
        jax, step = adapter.jax, self._plain_step

        def body(carry: Any, given: Any) -> Any:
            data, scalars = given
            loss, params, state = step(carry[0], carry[1], data, scalars)
            return (params, state), loss

        def scan(params: Any, state: Any, data: Any, scalars: Any) -> Any:
            carry, losses = jax.lax.scan(body, (params, state), (data, scalars))
            return tuple(losses[i] for i in range(steps)), carry[0], carry[1]

        self._scan = jax.jit(scan, donate_argnums=(0, 1))
        self._stack = jax.jit(lambda batches: tuple(map(jax.numpy.stack, zip(*batches))))

    def load(self, params: Sequence[Tensor]) -> None:
        self.flush()
        super().load(params)

    def params(self) -> Tuple[Tensor, ...]:
        self.flush()
        return super().params()

    def __call__(self, *data: Tensor) -> Tuple[Pending]:
        """Do one step, now or with those that follow."""
        scalars, pending = self._next_scalars(), Pending(self)
        self._waiting.append((data, scalars, pending))
        if len(self._waiting) == self.steps_at_once:
            self._all_at_once()
        return (pending,)

    def flush(self) -> None:
        """Do the steps that wait."""
        waiting, self._waiting = self._waiting, []
        for data, scalars, pending in waiting:
            self._adapter.use_x64(self._wide)
            loss, self._params, self._state = self._step(self._params, self._state, data, scalars)
            pending.fill(loss)

    def _all_at_once(self) -> None:
        waiting, self._waiting = self._waiting, []
        self._adapter.use_x64(self._wide)
        data = self._together([data for data, _, _ in waiting])
        scalars = self._adapter.np.stack([s for _, s, _ in waiting])  # (steps, numbers)
        losses, self._params, self._state = self._scan(self._params, self._state, data, scalars)
        for (_, _, pending), loss in zip(waiting, losses):
            pending.fill(loss)

    def _together(self, batches: List[Sequence[Tensor]]) -> Any:
        """(steps) batches of (N, ...) --> (steps, N, ...)."""
        flat = [tensor for batch in batches for tensor in batch]
        known, stacked = self._stacked
        if len(known) != len(flat) or any(a is not b for a, b in zip(known, flat)):
            stacked = self._stack(batches)
            self._stacked = (flat, stacked)
        return stacked
