"""Keras 3 in the worker: ``keras.ops`` forward, ``train_on_batch`` to train.

Source: https://keras.io/api/
"""

import os
from typing import Any, Callable, Dict, List, Mapping, Sequence, Tuple

from bakeoff_worker import Adapter, Unsupported, optimizers, schedules
from bakeoff_worker.program import Program, straight_line
from bakeoff_worker.training import InPlaceTraining

from .engines import ENGINES
from .layers import loss_of, model_of, stack_of
from .operators import operators

Tensor = Any
Fn = Callable[..., Tuple[Tensor, ...]]

_NATIVE = ("sgd", "momentum", "nesterov")
_VELOCITY = (
    "native: its velocity holds the rate, another equation when that changes; composed there"
)
_ORIGINS = {
    "sgd": "native",
    "momentum": _VELOCITY,
    "nesterov": _VELOCITY,
    "adagrad": "composed: Keras's has eps inside the root",
    "rmsprop": "composed: Keras's has eps inside the root",
    "adam": "composed: Keras computes 1 - beta2^t in float32, which is 1e-5 off",
    "adamw": "composed: as adam",
}
_NOTES = (
    "float32 only: float64 is for a whole process (keras.config.set_floatx), and some ops and "
    "the optimizers' rate stay float32 in it",
    "no gradients: Keras leaves them to its engines, and trains layers",
    "training programs become a Sequential of Dense layers, compiled, and train_on_batch",
    "composed optimizers are a subclass of keras.optimizers.Optimizer",
    "on JAX 64-bit types are on, as labels of int64 need",
    "forward programs run as keras.ops, op by op; conv and pool are transposed to channels last",
)


class KerasAdapter(Adapter):
    """Keras on one of its engines, on the CPU.

    Parameters
    ----------
    threads
        For the engine's pools.
    engine
        ``"tensorflow"``, ``"torch"`` or ``"jax"``.
    """

    dtypes = ("bool", "int32", "int64", "float32")
    asks = ("forward", "training")

    def __init__(self, threads: int = 1, engine: str = "tensorflow") -> None:
        os.environ["KERAS_BACKEND"] = engine  # read when Keras is imported
        self._engine = ENGINES[engine](threads)
        import keras
        import numpy

        self.keras, self._numpy = keras, numpy
        self.name = "keras-" + engine
        self.ops = operators(keras.ops)

    def tensor(self, array: Any, dtype: str) -> Tensor:
        """Return the engine's tensor of a copy of the values."""
        return self.keras.ops.convert_to_tensor(self._numpy.array(array), dtype)

    def to_numpy(self, tensor: Tensor) -> Any:
        """Return a copy of the values; ``train_on_batch`` gives NumPy's already."""
        if not self.keras.ops.is_tensor(tensor):
            return self._numpy.asarray(tensor)
        return self._numpy.array(self.keras.ops.convert_to_numpy(tensor))

    def synchronize(self, values: Any = None) -> None:
        """Wait for the values, on the engine that does not compute before it returns."""
        self._engine.synchronize(values)

    def describe(self) -> Dict[str, Any]:
        """Return versions, threads as the engine reads them back, and optimizers' origin."""
        return {
            "toolkit": "Keras",
            "version": self.keras.__version__,
            "engine": "%s %s" % (self.keras.backend.backend(), self._engine.version),
            "device": "cpu",
            "threads": self._engine.threads(),
            "precision": "dtype policy %s, layers in the program's dtype"
            % self.keras.config.dtype_policy().name,
            "layout": "channels first (N, C, *spatial); conv and pool transpose to channels last",
            "optimizer_origin": {n: _ORIGINS[n] for n in self.optimizers},
            "notes": list(_NOTES),
        }

    def compile(self, program: Program) -> Any:
        """Return the ops in order, or a model that trains."""
        if program.kind == "training":
            return Training(self, program)
        self._refuse(program)
        copied = self.keras.ops.copy
        fn: Fn = straight_line(program, dict(self.ops))

        def forward(*tensors: Tensor) -> Tuple[Tensor, ...]:
            results = fn(*tensors)
            return tuple(copied(y) for y in results) if shares else results

        shares = self._engine.has_views
        return forward

    def _refuse(self, program: Program) -> None:
        """Raise for what Keras passes on to an engine that refuses it."""
        for node in program.nodes:
            if node.op not in ("conv1d", "conv2d", "conv3d"):
                continue
            both = max(node.attrs["stride"]) > 1 and max(node.attrs["dilation"]) > 1
            if both and self._engine.strided_or_dilated:
                raise Unsupported("conv on TensorFlow: stride or dilation, not both")


class Training(InPlaceTraining):
    """One ``train_on_batch`` per call."""

    def __init__(self, adapter: KerasAdapter, program: Program) -> None:
        super().__init__(program)
        keras, ask = adapter.keras, program.ask
        names = [v.name for v in program.inputs]
        stack = stack_of(program)
        self._adapter = adapter
        self._name = ask["optimizer"]
        steady = schedules.is_constant(ask.get("schedule"))
        self._native = self._name in _NATIVE and (steady or self._name == "sgd")
        make = native_optimizer if self._native else composed_optimizer
        self._optimizer = make(keras, self._name, ask["hyper"])
        self._rows, self._targets = names.index(stack.rows), names.index(stack.targets)
        self._model, made = model_of(keras, stack, program)
        self._variables = [made[n] for n in ask["params"]]
        self._model.compile(optimizer=self._optimizer, loss=loss_of(keras, stack))
        self._optimizer.build(self._model.trainable_variables)

    def start(self, params: Sequence[Tensor]) -> List[Any]:
        """Set the layers' variables; zero the optimizer's."""
        zeros, copy = self._adapter.keras.ops.zeros, self._adapter.keras.ops.copy
        for variable, value in zip(self._variables, params):
            variable.assign(copy(value))  # JAX consumes the old values at each step
        for variable in self._optimizer.variables:
            variable.assign(zeros(variable.shape, variable.dtype))
        return self._variables

    def step(self, arguments: Sequence[Any], lr: float, t: int) -> Tensor:
        """Step and return the loss."""
        if self._native:
            self._optimizer.learning_rate = lr
        else:
            self._optimizer.set_step(lr, t)
        self._model.reset_metrics()  # the loss is their mean over the steps since
        return self._model.train_on_batch(arguments[self._rows], arguments[self._targets])

    def copy(self, param: Any) -> Tensor:
        """Return a copy of a variable."""
        adapter = self._adapter
        return adapter.tensor(adapter.to_numpy(param.value), str(param.dtype))


def native_optimizer(keras: Any, name: str, hyper: Mapping[str, float]) -> Any:
    """Return ``keras.optimizers.SGD``, whose equation is the catalogue's at a constant rate."""
    momentum = optimizers.hyperparameters(name, hyper).get("momentum", 0.0)
    return keras.optimizers.SGD(float(hyper["lr"]), momentum, nesterov=name == "nesterov")


def composed_optimizer(keras: Any, name: str, hyper: Mapping[str, float]) -> Any:
    """Return an optimizer of Keras's kind with the catalogue's equation."""
    ops, definition = keras.ops, optimizers.DEFINITIONS[name]
    constants = optimizers.hyperparameters(name, hyper)
    order = sorted(definition.scalars(constants, float(hyper["lr"]), 1))

    class Composed(keras.optimizers.Optimizer):  # type: ignore[misc]
        def build(self, variables: Any) -> None:
            if self.built:
                return
            super().build(variables)
            self.numbers = self.add_variable((len(order),), name="numbers")
            self.slots = [
                [self.add_variable_from_reference(v, name=slot) for v in variables]
                for slot in definition.slots
            ]

        def set_step(self, lr: float, t: int) -> None:
            """Set the numbers of step ``t`` from the host, where they are float64."""
            scalars = definition.scalars(constants, lr, t)
            self.numbers.assign([scalars[n] for n in order])

        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            numbers = ops.convert_to_tensor(self.numbers)
            k = {n: numbers[i] for i, n in enumerate(order)}
            index = self._get_variable_index(variable)
            slots = [slot[index] for slot in self.slots]
            w, *before = [ops.convert_to_tensor(v) for v in (variable, *slots)]
            new, after = definition.update(w, gradient, tuple(before), k, ops.sqrt)
            for target, value in zip((variable, *slots), (new, *after)):
                self.assign(target, value)

    return Composed(learning_rate=float(hyper["lr"]))
