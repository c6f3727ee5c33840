"""What the fixture ``bakeoff_backend`` gives: workloads in, arrays out, on one backend."""

import inspect
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bakeoff.errors import UsageError
from bakeoff.inputs import rounded
from bakeoff.interface import Capabilities
from bakeoff.program import Value, gradient, trace
from bakeoff.pytest_workers import Workers
from bakeoff.record import Outcome
from bakeoff.worker import Worker, WorkerFailure
from bakeoff_worker.program import Program

Array = NDArray[Any]
Workload = Callable[..., Any]


class WorkloadBackend:
    """One backend, with its worker behind it.

    A call traces the workload, sends program and arrays to the worker and returns NumPy
    arrays. What the backend cannot run skips the test with the reason; what goes wrong in
    the toolkit raises `bakeoff.worker.WorkerFailure`.

    Attributes
    ----------
    name
        The backend's: ``"torch"``.
    """

    def __init__(self, name: str, workers: Workers) -> None:
        self.name = name
        self._workers = workers

    def __repr__(self) -> str:
        return f"WorkloadBackend({self.name!r})"

    @property
    def describe(self) -> dict[str, Any]:
        """What the adapter says of itself: toolkit, version, device, threads, precision."""
        return dict(self._worker().hello["describe"])

    @property
    def dtypes(self) -> tuple[str, ...]:
        """Names of the dtypes that the backend has."""
        return tuple(self._worker().hello["dtypes"])

    def run(self, workload: Workload, *arrays: Any) -> Any:
        """Return ``workload(ops, *arrays)``, as an array or a tuple of arrays.

        Parameters
        ----------
        workload
            ``f(ops, *tensors)`` over the op catalogue.
        arrays
            NumPy arrays, or what `numpy.asarray` takes; their dtypes are the tensors'.

        >>> def test_relu(bakeoff_backend):                        # doctest: +SKIP
        ...     y = bakeoff_backend.run(lambda ops, x: ops.relu(x), np.float32([-1, 1]))
        ...     assert y.tolist() == [0, 1]
        """
        __tracebackhide__ = True
        values, given = _inputs(workload, arrays)
        return _unwrapped(self._results(trace(workload, values), given))

    def gradient(
        self,
        workload: Workload,
        *arrays: Any,
        wrt: Sequence[int | str] | int | str | None = None,
        cotangents: Sequence[Any] | None = None,
    ) -> Any:
        """Return vector-Jacobian products, as an array or a tuple of arrays.

        Parameters
        ----------
        workload, arrays
            As for `run`.
        wrt
            Inputs by position or parameter name; one of them, or several. By default all
            that are floating-point.
        cotangents
            One array per output; by default ones, which gives the gradient of the sum.
        """
        __tracebackhide__ = True
        values, given = _inputs(workload, arrays)
        chosen = _chosen(wrt, values)
        outputs = _outputs(trace(workload, values))
        if cotangents is None:
            cotangents = [np.ones(o.shape, rounded(np.ones(()), o.dtype).dtype) for o in outputs]
        if len(cotangents) != len(outputs):
            raise UsageError(
                f"gradient: {len(cotangents)} cotangents, expected {len(outputs)}, one per output"
            )
        names = [f"cotangent{i}" for i in range(len(outputs))]
        for name, output, cotangent in zip(names, outputs, cotangents, strict=True):
            values.append(Value(name, output.shape, output.dtype))
            given[name] = rounded(np.asarray(cotangent), output.dtype)
        program = trace(workload, values, gradient(chosen, names))
        results = self._results(program, given)[len(outputs) :]
        single = isinstance(wrt, int | str)
        return results[0] if single else tuple(results)

    def _results(self, program: Program, given: dict[str, Array]) -> list[Array]:
        __tracebackhide__ = True
        worker = self._worker()
        refusal = Capabilities.from_hello(worker.hello).refusal(program)
        if refusal:
            pytest.skip(f"{self.name}: unsupported: {refusal}")
        try:
            worker.prepare(program, given)
            return worker.call()[0]
        except WorkerFailure as failure:
            if failure.outcome is Outcome.UNSUPPORTED:
                pytest.skip(f"{self.name}: unsupported: {failure.reason}")
            for told in filter(None, (failure.stack, failure.log_tail)):
                failure.add_note(told)
            raise failure.with_traceback(None) from None  # our own frames tell nothing

    def _worker(self) -> Worker:
        try:
            return self._workers.occupant(self.name).worker()
        except WorkerFailure as failure:
            if failure.outcome is Outcome.UNAVAILABLE:
                pytest.skip(f"{self.name}: unavailable: {failure.reason}")
            raise
        except UsageError as error:
            pytest.fail(str(error), pytrace=False)


_IDENTIFIER = re.compile(r"^[A-Za-z][A-Za-z0-9_]*$")


def _inputs(workload: Workload, arrays: Sequence[Any]) -> tuple[list[Value], dict[str, Array]]:
    """Name the arrays as the workload's parameters, where those make good names."""
    found = [np.ascontiguousarray(a) if np.ndim(a) else np.asarray(a) for a in arrays]
    names = list(inspect.signature(workload).parameters)[1:]
    usable = len(names) == len(found) and all(
        _IDENTIFIER.match(n) and not re.match(r"v\d+$|cotangent\d+$", n) for n in names
    )
    if not usable:
        names = [f"x{i}" for i in range(len(found))]
    values = [Value(n, a.shape, str(a.dtype)) for n, a in zip(names, found, strict=True)]
    return values, dict(zip(names, found, strict=True))


def _chosen(wrt: Sequence[int | str] | int | str | None, values: list[Value]) -> list[str]:
    if wrt is None:
        return [v.name for v in values if "float" in v.dtype]
    several = [wrt] if isinstance(wrt, int | str) else list(wrt)
    return [values[w].name if isinstance(w, int) else w for w in several]


def _outputs(program: Program) -> list[Value]:
    table = program.values()
    return [table[name] for name in program.outputs]


def _unwrapped(results: list[Array]) -> Any:
    return results[0] if len(results) == 1 else tuple(results)
