"""What a backend is: data on the controller's side, a small protocol on the worker's.

A registered `Backend` is data, so that listing backends imports nothing. Its
``adapter`` names a class, in a file that only the worker loads, which implements
`Adapter`. Plugins need not import or subclass anything of ours for it.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from bakeoff.errors import PluginError

_NAME = re.compile(r"^[a-z0-9][a-z0-9._-]*$")

Tensor = Any  # a toolkit's own array type: foreign to us
Array = Any  # a NumPy array, which this module must not import


@dataclass(frozen=True, slots=True)
class Backend:
    """One way to run workloads: a toolkit with a mode.

    Attributes
    ----------
    name
        Unique, lower case: ``"torch-compile"``.
    title
        For people: ``"PyTorch (torch.compile)"``.
    toolkit
        The library that several backends may share: ``"PyTorch"``.
    adapter
        ``"module:Class"`` or ``"path/to/file.py:Class"``; resolved to a file, which
        the worker loads by location.
    mode
        JSON options, passed to the adapter's constructor by keyword.
    requirements
        What pip installs into the backend's own environment. Empty: nothing beyond NumPy.
        A variant (``jax==0.9.*`` on the command line) replaces the toolkit's own: the one that
        is named as the toolkit is, or as the backend's name begins, or the only one.
    python
        Version specifier of the interpreters the toolkit runs on.
    system
        Libraries or programs that must be present, in words.
    packages
        Importable packages of the plugin's own that the adapter imports; they are made
        importable in the worker by location.
    env
        Environment variables of the worker. ``{threads}`` is replaced, and ``{cache}`` by a
        folder for what the toolkit compiles: empty when a run begins, and shared by the
        backend's workers of all its rounds. Outside of runs such variables are left out.
    homepage, released, summary
        Shown in reports; ``released`` is the year and month of the first release.
    device
        ``"cpu"`` or ``"cuda"``.
    size_mb
        Megabytes of the environment, as measured once on Linux x86-64; 0: not known. An
        estimate to show before it is made.
    variant_of
        The name of the backend of which this is another version (`bakeoff.variants`);
        empty for all that are registered.
    """

    name: str
    title: str
    toolkit: str
    adapter: str
    mode: Mapping[str, Any] = field(default_factory=dict)
    requirements: tuple[str, ...] = ()
    python: str = ">=3.11"
    system: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    homepage: str = ""
    released: str = ""
    device: str = "cpu"
    summary: str = ""
    size_mb: int = 0
    variant_of: str = ""

    def __post_init__(self) -> None:
        if not _NAME.match(self.variant_of or self.name):
            raise PluginError(
                f"backend: name {self.name!r}, expected lower-case letters, digits and '.', '_', "
                "'-' (it names folders and command-line choices)"
            )
        if ":" not in self.adapter:
            raise PluginError(
                f"backend {self.name}: adapter {self.adapter!r}, expected 'module:Class' or "
                "'path/to/file.py:Class'"
            )


class Executable(Protocol):
    """A compiled program.

    Called with tensors in the order of the program's inputs, it returns a tuple:
    the outputs; for a gradient program the gradients after them, in ``wrt`` order.
    A training executable is called with the data inputs only, does one optimizer
    step and returns ``(loss,)``, the loss before the update. It may have an attribute
    ``launches_per_step``: how many kernels of a device a step is. Records keep it.
    """

    def __call__(self, *tensors: Tensor) -> tuple[Tensor, ...]: ...

    def load(self, params: Sequence[Tensor]) -> None:
        """Set the parameters (copied) and forget the optimizer's state. Training only."""

    def params(self) -> tuple[Tensor, ...]:
        """Return the present parameters. Training only."""


class Optimizer(Protocol):
    """An optimizer as a pair of functions over lists of tensors."""

    def init(self, params: Sequence[Tensor]) -> Any:
        """Return the state before the first step."""

    def update(
        self, params: Sequence[Tensor], grads: Sequence[Tensor], state: Any, lr: float, t: int
    ) -> tuple[Sequence[Tensor], Any]:
        """Return new parameters and state; ``t`` counts steps from 1."""


class Adapter(Protocol):
    """What a toolkit must offer to the worker. `bakeoff_worker.adapter.Adapter` has defaults."""

    name: str
    dtypes: Sequence[str]
    asks: Sequence[str]
    ops: Mapping[str, Callable[..., Tensor]]
    unsupported: Mapping[str, str]
    optimizers: Sequence[str]

    def tensor(self, array: Array, dtype: str) -> Tensor:
        """Return the toolkit's tensor of ``array``'s values."""

    def to_numpy(self, tensor: Tensor) -> Array:
        """Return the values as a NumPy array (bfloat16 as float32)."""

    def value_and_grad(
        self, fn: Callable[..., tuple[Tensor, ...]], wrt: Sequence[int]
    ) -> Callable[..., tuple[tuple[Tensor, ...], tuple[Tensor, ...]]]:
        """Return ``g(args, cotangents) -> (outputs, grads)``; None: one scalar output."""

    def optimizer(self, name: str, hyper: Mapping[str, float]) -> Optimizer:
        """Return the named optimizer with the catalogue's equations."""

    def compile(self, program: Any) -> Executable:
        """Return the program ready to run."""

    def synchronize(self, values: Any = None) -> None:
        """Return when all queued work, or what makes ``values``, is done."""

    def device_timer(self) -> Any:
        """Return the device's timer (`bakeoff_worker.device.DeviceTimer`), None without one."""

    def device_of(self, tensor: Tensor) -> str | None:
        """Return where a tensor lies, in the words of `Backend.device`; None: not known."""

    def describe(self) -> dict[str, Any]:
        """Return toolkit, version, device, threads as read back, precision, layout, notes.

        ``modes`` are the settings of precision, read back from the toolkit: ``tf32`` and
        ``fast_math`` (true or false), ``accumulate`` (the dtype of sums of 16-bit products);
        what the toolkit lacks is left out. Unlike modes are not ranked together.
        """


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an adapter said of itself when its worker started."""

    ops: frozenset[str]
    unsupported: Mapping[str, str]
    dtypes: frozenset[str]
    asks: frozenset[str]
    optimizers: frozenset[str]

    @classmethod
    def from_hello(cls, hello: Mapping[str, Any]) -> "Capabilities":
        """Read a worker's greeting."""
        return cls(
            ops=frozenset(hello["ops"]),
            unsupported=dict(hello.get("unsupported", {})),
            dtypes=frozenset(hello["dtypes"]),
            asks=frozenset(hello["asks"]),
            optimizers=frozenset(hello.get("optimizers", ())),
        )

    def refusal(self, program: Any) -> str | None:
        """Return why the program cannot be run, or None if nothing speaks against it."""
        kind = program.kind
        if kind not in self.asks:
            return f"no {kind} (offers {', '.join(sorted(self.asks))})"
        for value in program.values().values():
            if value.dtype not in self.dtypes:
                return f"no {value.dtype} (offers {', '.join(sorted(self.dtypes))})"
        for node in program.nodes:
            if node.op not in self.ops:
                return self.unsupported.get(node.op, f"op {node.op} is not offered")
        if kind == "training" and program.ask["optimizer"] not in self.optimizers:
            return f"optimizer {program.ask['optimizer']} is not offered"
        return None
