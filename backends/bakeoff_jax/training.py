"""A training step as one jitted function, the optimizer included."""

from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from bakeoff_worker import optimizers, schedules
from bakeoff_worker.program import Program

Tensor = Any
Fn = Callable[..., Tuple[Tensor, ...]]


class Training(object):
    """One jitted optimizer step per call."""

    def __init__(self, adapter: Any, program: Program, fn: Fn, wide: bool) -> None:
        ask = program.ask
        jax = adapter.jax
        names = [v.name for v in program.inputs]
        definition = optimizers.DEFINITIONS[ask["optimizer"]]
        self._adapter = adapter
        self._wide = wide
        self._definition = definition
        self._hyper = optimizers.hyperparameters(ask["optimizer"], ask["hyper"])
        self._rate = schedules.learning_rate(ask.get("schedule"), ask["hyper"]["lr"])
        self._scalars: Dict[str, float] = {}
        self._numbers: Any = None  # the present ones
        self._sent: Any = None  # those of the last step
        self._resident: Any = None  # the same, on the device once they stay
        self._params: Optional[Tuple[Tensor, ...]] = None
        self._state: Any = None
        self._t = 0
        order = sorted(definition.scalars(self._hyper, ask["hyper"]["lr"], 1))
        wrt = [names.index(n) for n in ask["params"]]
        data_at = [names.index(v.name) for v in program.data_inputs]
        value_and_grad = adapter._vjp(fn, wrt)

        def step(params: Any, state: Any, data: Any, scalars: Any) -> Any:
            args: List[Any] = [None] * len(names)
            for i, value in list(zip(wrt, params)) + list(zip(data_at, data)):
                args[i] = value
            (loss,), grads = value_and_grad(args, None)
            new = [_updated(jax.numpy, definition, order, *x, scalars=scalars)
                   for x in zip(params, grads, state)]  # fmt: skip
            return loss, tuple(p for p, _ in new), tuple(s for _, s in new)

        self._order = order
        self._plain_step = step
        self._step = jax.jit(step, donate_argnums=(0, 1))

    def load(self, params: Sequence[Tensor]) -> None:
        """Set the parameters (copied: the step consumes its own) and zero the slots."""
        self._adapter.use_x64(self._wide)
        jnp = self._adapter.jax.numpy
        count = len(self._definition.slots)
        self._params = tuple(jnp.array(p, copy=True) for p in params)
        self._state = tuple(tuple(jnp.zeros_like(p) for _ in range(count)) for p in params)
        self._t = 0

    def params(self) -> Tuple[Tensor, ...]:
        """Return copies of the present parameters."""
        if self._params is None:
            raise ValueError("training: no parameters; call load(params) first")
        self._adapter.use_x64(self._wide)
        return tuple(self._adapter.jax.numpy.array(p, copy=True) for p in self._params)

    def __call__(self, *data: Tensor) -> Tuple[Tensor, ...]:
        scalars = self._next_scalars()
        if scalars is not self._sent:
            self._sent = self._resident = scalars
        elif self._resident is scalars:
            self._resident = self._adapter.jax.numpy.asarray(scalars)  # they stay: keep them there
        loss, self._params, self._state = self._step(
            self._params, self._state, data, self._resident
        )
        return (loss,)

    def _next_scalars(self) -> Any:
        """Return the next step's numbers on the host: the same array as long as they stay."""
        if self._params is None:
            raise ValueError("training: no parameters; call load(params) first")
        self._adapter.use_x64(self._wide)
        lr = self._rate(self._t)
        self._t += 1
        scalars = self._definition.scalars(self._hyper, lr, self._t)
        if scalars != self._scalars:
            dtype = "float64" if self._wide else "float32"
            self._scalars = scalars
            self._numbers = self._adapter.np.array([scalars[k] for k in self._order], dtype)
        return self._numbers


def _updated(
    jnp: Any, definition: Any, order: Sequence[str], p: Tensor, g: Tensor, s: Any, scalars: Tensor
) -> Tuple[Tensor, Any]:
    """Return one parameter and its slots after the step; 16-bit ones computed in float32."""
    compute = "float64" if p.dtype.name == "float64" else "float32"
    values = scalars.astype(compute)
    k: Mapping[str, Tensor] = {name: values[i] for i, name in enumerate(order)}
    wide = [x.astype(compute) for x in (p, g)]
    new, slots = definition.update(*wide, tuple(x.astype(compute) for x in s), k, jnp.sqrt)
    return new.astype(p.dtype), tuple(x.astype(p.dtype) for x in slots)
