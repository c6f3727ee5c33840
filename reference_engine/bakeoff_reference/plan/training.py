"""A training step as one plan: forward, backward, and the optimizer over flat arenas."""

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

from bakeoff_reference.arrays import NUMPY, Array, to_numpy
from bakeoff_reference.conv.settings import DEFAULT, ConvSettings
from bakeoff_reference.optimizers import DEFINITIONS, complete
from bakeoff_reference.plan.build import Input, Node, Plan, Recording, ones
from bakeoff_reference.plan.recorded import Recorded, Scalar
from bakeoff_reference.plan.recorder import Loops


class Arena:
    """All parameters of one dtype in one flat array, their gradients and slots in others.

    The optimizer then makes few passes over long arrays instead of many over short ones.
    """

    def __init__(self, params: Sequence[Input], dtype: str, slots: int) -> None:
        self.dtype, self.sizes = dtype, [prod(p.shape) for p in params]
        self.shapes = [p.shape for p in params]
        total = sum(self.sizes)
        # float16 is updated in float32: its moments and small steps would vanish
        self.working = "float32" if dtype == "float16" else dtype
        self.weights = NUMPY.zeros((total,), dtype)
        self.grads = NUMPY.zeros((total,), dtype)
        self.slots = [NUMPY.zeros((total,), self.working) for _ in range(slots)]

    def parts(self, flat: Array) -> list[Array]:
        """Return one view per parameter of a flat array."""
        views, start = [], 0
        for size, shape in zip(self.sizes, self.shapes, strict=True):
            views.append(flat[start : start + size].reshape(shape))
            start += size
        return views


class TrainingPlan:
    """One optimizer step per call, on parameters that live in the plan.

    Attributes
    ----------
    source
        The text of the step.
    t
        Steps done since `load`.
    """

    def __init__(
        self, name: str, inputs: Sequence[Input], nodes: Sequence[Node], loss: str,
        params: Sequence[str], optimizer: str, hyper: Mapping[str, float],
        learning_rate: Callable[[int], float], conv: ConvSettings = DEFAULT, *,
        loops: Loops | None = None,
    ) -> None:  # fmt: skip
        self._definition = DEFINITIONS.get(optimizer)
        self._hyper = complete(optimizer, hyper)
        assert self._definition is not None  # `complete` has refused unknown names
        self._learning_rate, self.t = learning_rate, 0
        by_name = {i.name: i for i in inputs}
        recording = Recording(conv, loops=loops)
        arenas = []
        self._weights: dict[str, Array] = {}
        grads: dict[str, Array] = {}
        for dtype in dict.fromkeys(by_name[p].dtype for p in params):
            names = [p for p in params if by_name[p].dtype == dtype]
            arena = Arena([by_name[p] for p in names], dtype, len(self._definition.slots))
            arenas.append(arena)
            self._weights.update(zip(names, arena.parts(arena.weights), strict=True))
            grads.update(zip(names, arena.parts(arena.grads), strict=True))
        self._params, self._arenas = tuple(params), arenas
        fed = []
        for i in inputs:
            if i.name in self._weights:
                array = recording.recorder.array(self._weights[i.name], "fixed", i.name)
                recording.add(i.name, array, tracked=True)
            else:
                fed.append(recording.feed(i))
        recording.apply(nodes)
        ends = recording.arrays([loss])
        found = recording.gradients([loss], ones(recording, ends), params)
        for p, grad in zip(params, found, strict=True):
            _settle(recording, grad, grads[p], p)
        scalars = {n: Scalar(n) for n in self._definition.scalars(self._hyper, 0.1, 1)}
        clash = scalars.keys() & by_name.keys()
        if clash:
            scalars = {n: Scalar(f"{n}_") for n in scalars}
        self._renamed = "_" if clash else ""
        # the loss is returned as it was before the update: nothing of it is overwritten
        for arena in arenas:
            self._update(recording, arena, scalars)
        self.plan = Plan(name, fed, tuple(scalars.values()), recording.recorder, ends)
        self.source = self.plan.source

    def _update(self, recording: Recording, arena: Arena, scalars: Mapping[str, Scalar]) -> None:
        xp, suffix = recording.recorder, f"_{arena.dtype}"
        assert self._definition is not None

        def fixed(value: Array, name: str) -> Recorded:
            return xp.array(value, "fixed", f"_{name}{suffix}")

        w, g = fixed(arena.weights, "weights"), fixed(arena.grads, "grads")
        slots = [fixed(s, n) for s, n in zip(arena.slots, self._definition.slots, strict=True)]
        wide, g = xp.astype(w, arena.working), xp.astype(g, arena.working)
        # in place a pass takes half the time; a fused loop keeps scratch in registers anyway
        spent = self._definition.spends and xp.loops is None
        scratch = g if spent else xp.empty(w.shape, arena.working)
        self._definition.step(xp, wide, g, slots, scratch, **scalars)
        if wide is not w:
            xp.copyto(w, wide, casting="same_kind")

    def load(self, params: Sequence[Any]) -> None:
        """Set the parameters (copied), forget the optimizer's state, count steps anew."""
        for name, value in zip(self._params, params, strict=True):
            weight = self._weights[name]
            given = to_numpy(value)
            if given.shape != weight.shape or given.dtype != weight.dtype:
                raise ValueError(
                    f"load: {name} is {given.dtype} {given.shape}, "
                    f"expected {weight.dtype} {weight.shape}"
                )
            weight[...] = given
        for arena in self._arenas:
            for slot in arena.slots:
                slot[...] = 0
        self.t = 0

    def params(self) -> tuple[Array, ...]:
        """Return copies of the present parameters."""
        return tuple(self._weights[p].copy() for p in self._params)

    def __call__(self, *data: Array) -> tuple[Array, ...]:
        """Do one step; return ``(loss,)``, the loss before the update."""
        assert self._definition is not None
        lr = self._learning_rate(self.t)
        scalars = self._definition.scalars(self._hyper, lr, self.t + 1)
        if self._renamed:
            scalars = {f"{k}_": v for k, v in scalars.items()}
        result = self.plan(*data, **scalars)
        self.t += 1
        return result


def _settle(recording: Recording, grad: Recorded, home: Array, name: str) -> None:
    """Have a gradient computed right into its part of the arena, or copied there."""
    root = grad.root
    whole = grad.value.flags.c_contiguous and grad.size == root.value.size
    if root.kind == "buffer" and whole and root.value.dtype == home.dtype:
        root.kind, root.name = "fixed", f"_grad_{name}"
        root.value = home.reshape(root.value.shape)
    else:
        target = recording.recorder.array(home, "fixed", f"_grad_{name}")
        recording.recorder.copyto(target, grad)
