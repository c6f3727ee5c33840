"""Training in DyNet: a graph for every step, then a trainer, or an update in a graph of its own."""

from typing import Any, Callable, Dict, List, Sequence, Tuple

from bakeoff_worker import optimizers, schedules
from bakeoff_worker.program import Program
from bakeoff_worker.training import InPlaceTraining

from .operators import dims

Tensor = Any
Expression = Any


def columns_first(array: Tensor) -> Tensor:
    """Return an array in DyNet's order of axes; a number as a vector of one."""
    return array.T if array.ndim else array.reshape(1)


class Training(InPlaceTraining):
    """One step per call in DyNet's idiom: ``renew_cg``, a graph, ``backward``, ``update``."""

    def __init__(self, adapter: Any, program: Program, fn: Callable[..., Any]) -> None:
        super().__init__(program)
        ask = program.ask
        self._adapter = adapter
        self._fn = fn
        self._ask = ask
        steady = schedules.is_constant(ask.get("schedule"))
        self._native = ask["optimizer"] == "sgd" or (ask["optimizer"] == "momentum" and steady)
        self._composed = optimizers.Composed(
            ask["optimizer"],
            ask["hyper"],
            sqrt=lambda x: x.sqrt(),
            zeros_like=lambda p: adapter.np.zeros(dims(p.shape)),
        )
        self._shapes: Dict[int, Tuple[int, ...]] = {}
        self._collection: Any = None
        self._trainer: Any = None
        self._slots: Any = None

    def start(self, params: Sequence[Tensor]) -> List[Any]:
        """Return the parameters of a new collection, and a new trainer of it."""
        collection = self._adapter.dy.ParameterCollection()
        self._collection = collection  # parameters and trainers point into it without holding it
        new = [collection.parameters_from_numpy(columns_first(p)) for p in params]
        self._shapes = {id(p): value.shape for p, value in zip(new, params)}
        if self._native:
            self._trainer = self._new_trainer(collection)
        else:
            self._slots = self._composed.init(params)
        return new

    def _new_trainer(self, collection: Any) -> Any:
        dy, lr = self._adapter.dy, self._ask["hyper"]["lr"]
        if self._ask["optimizer"] == "sgd":
            trainer = dy.SimpleSGDTrainer(collection, learning_rate=lr)
        else:
            momentum = self._composed.hyper["momentum"]
            trainer = dy.MomentumSGDTrainer(collection, learning_rate=lr, mom=momentum)
        trainer.set_clip_threshold(0)  # by default it clips gradients of a norm above 5
        return trainer

    def step(self, arguments: Sequence[Any], lr: float, t: int) -> Tensor:
        """Step and return the loss."""
        loss = self.loss(arguments)
        loss.backward()
        value = self._adapter.array(loss.npvalue(), ())
        if self._native:
            self._trainer.learning_rate = lr
            self._trainer.update()
        else:
            self._update(lr, t)
        return value

    def loss(self, arguments: Sequence[Any]) -> Expression:
        """Return the loss of a new graph."""
        adapter = self._adapter
        adapter.dy.renew_cg()
        given = [
            x.expr(True) if id(x) in self._shapes else adapter.expression(x) for x in arguments
        ]
        (loss,) = self._fn(*given)
        return adapter.dy.sum_elems(loss)  # from a reshape, as it may be, backward gives zeros

    def _update(self, lr: float, t: int) -> None:
        """Compute new parameters and slots in a graph of their own."""
        dy, parameters = self._adapter.dy, self._loaded()
        grads = [p.grad_as_array() for p in parameters]
        dy.renew_cg()

        def enter(array: Any) -> Elementwise:
            return Elementwise(dy, dy.inputTensor(array))

        new, slots = self._composed.update(
            [Elementwise(dy, p.expr()) for p in parameters],
            [enter(g) for g in grads],
            [tuple(map(enter, each)) for each in self._slots],
            lr,
            t,
        )
        values = [w.expression.npvalue() for w in new]
        self._slots = [tuple(s.expression.npvalue() for s in each) for each in slots]
        for parameter, value in zip(parameters, values):
            parameter.set_value(value)
            parameter.scale_gradient(0.0)  # which a trainer's update would have done

    def copy(self, param: Any) -> Tensor:
        """Return a parameter's present values."""
        return self._adapter.array(param.as_array(), self._shapes[id(param)])


class Elementwise(object):
    """An expression whose ``*`` and ``/`` are elementwise, which DyNet's are not.

    Numbers may stand on either side; this build of DyNet takes them on the right alone.
    """

    def __init__(self, dy: Any, expression: Expression) -> None:
        self._dy = dy
        self.expression = expression

    def _new(self, expression: Expression) -> "Elementwise":
        return Elementwise(self._dy, expression)

    def _other(self, other: Any) -> Expression:
        number = isinstance(other, (int, float))
        return self._dy.scalarInput(other) if number else other.expression

    def __add__(self, other: Any) -> "Elementwise":
        return self._new(self.expression + self._other(other))

    def __sub__(self, other: Any) -> "Elementwise":
        return self._new(self.expression - self._other(other))

    def __mul__(self, other: Any) -> "Elementwise":
        return self._new(self._dy.cmult(self.expression, self._other(other)))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> "Elementwise":
        return self._new(self._dy.cdiv(self.expression, self._other(other)))

    def sqrt(self) -> "Elementwise":
        """Return the square root."""
        return self._new(self._dy.sqrt(self.expression))
