"""NumPy in CuPy's place: it tests what is called with what, and nothing of a device.

Its arrays refuse to meet the host's, as CuPy's do; kernels run on the CPU, through the emulator.
"""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import cache, wraps
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ml_dtypes
import numpy as np

from bakeoff_cupy import kernels
from gpu.emulated import library

Function = Callable[..., Any]


class OnDevice(np.ndarray):  # type: ignore[type-arg]  # of any shape and dtype
    """An array that NumPy's functions take only together with others of its kind."""

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        _refuse_host(ufunc.__name__, [*inputs, *kwargs.get("out", ())])
        if method == "at" and inputs[0].dtype == ml_dtypes.bfloat16:
            raise TypeError("cupy.add.at only supports int32, int64, float16, float32, float64")
        plain = {k: _plain(v) for k, v in kwargs.items()}
        return _done(lambda: getattr(ufunc, method)(*_plain(inputs), **plain), inputs)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        _refuse_host(func.__name__, [*args, *kwargs.values()])
        if func is np.concatenate and len(args[0]) > 8:
            assert CAPTURING[-1] is None, "CuPy sends pointers of so many arrays from the host"
        plain = {k: _plain(v) for k, v in kwargs.items()}
        if func is np.where:
            args = tuple(map(_widened, args))
        return _done(lambda: func(*_plain(args), **plain), args)

    def __getitem__(self, index: Any) -> Any:
        return _done(lambda: _plain(self)[_plain(index)], (self,))

    def __setitem__(self, index: Any, value: Any) -> None:
        _refuse_host("setitem", [value])
        _done(lambda: _plain(self).__setitem__(_plain(index), _plain(value)))

    def fill(self, value: Any) -> None:
        _done(lambda: _plain(self).fill(value))

    @property
    def data(self) -> Any:
        """Where it lies, as CuPy has it."""
        EXTENTS[self.ctypes.data] = self.nbytes
        return SimpleNamespace(ptr=self.ctypes.data)

    def set(self, values: Any) -> None:
        """Copy from the host, as CuPy's arrays do; captured graphs hold no such copies."""
        assert CAPTURING[-1] is None, "a copy from the host was captured"
        _plain(self)[...] = values


def _method(name: str) -> Function:
    def call(self: OnDevice, *args: Any, **kwargs: Any) -> Any:
        return _done(lambda: getattr(np.ndarray, name)(_plain(self), *args, **kwargs), (self,))

    return call


for _name in ("copy", "astype", "reshape", "transpose", "sum"):
    setattr(OnDevice, _name, _method(_name))

CAPTURING: list[list[Function] | None] = [None]  # what a replay calls, while a graph is captured
CAPTURED: list[int] = []  # how many calls the graphs so far hold


def _done(compute: Function, inputs: Sequence[Any] = ()) -> Any:
    """Compute, and have it computed again at every replay, into the same memory."""
    result = compute()
    if (graph := CAPTURING[-1]) is not None:
        views = isinstance(result, np.ndarray) and any(
            isinstance(i, np.ndarray) and np.may_share_memory(_plain(result), _plain(i))
            for i in inputs
        )
        if not views:
            result = np.asarray(result) if isinstance(result, np.generic) else result
            graph.append(lambda: _again(compute, result))
    return _posed(result)


def queued(work: Function) -> None:
    """Do a library's work, now and at every replay."""
    _done(work)


def _again(compute: Function, result: Any) -> None:
    value = compute()
    if isinstance(result, np.ndarray) and value is not result:
        np.copyto(result, value)


class Stream:
    """A stream whose captured work is a list of calls."""

    def __init__(self, ptr: int = 1) -> None:
        self.ptr = ptr

    def __enter__(self) -> "Stream":
        STREAMS.append(self)
        return self

    def __exit__(self, *_: Any) -> None:
        STREAMS.pop()

    def synchronize(self) -> None:
        assert CAPTURING[-1] is None, "waited for while it is captured"

    def begin_capture(self) -> None:
        CAPTURING.append([])

    def end_capture(self) -> Any:
        calls = CAPTURING.pop()
        assert calls is not None
        CAPTURED.append(len(calls))
        return SimpleNamespace(launch=lambda stream: [call() for call in calls])


STREAMS = [Stream(0)]  # the last one is current
EXTENTS: dict[int, int] = {}  # how many bytes lie where somebody asked for the address


def _refuse_host(name: str, values: Sequence[Any]) -> None:
    for value in values:
        if isinstance(value, (tuple, list)):
            _refuse_host(name, value)
        elif type(value) is np.ndarray:
            raise TypeError(f"{name}: unsupported type {type(value)}")


def _widened(value: Any) -> Any:
    """bfloat16 as CuPy's ``where`` takes it, which has no loop for it."""
    narrow = isinstance(value, np.ndarray) and value.dtype == ml_dtypes.bfloat16
    return value.astype("float32") if narrow else value


def _plain(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return type(value)(map(_plain, value))
    return value.view(np.ndarray) if isinstance(value, OnDevice) else value


def _posed(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_posed, value))
    # a sum over everything is an array of no dimensions in CuPy
    return (
        np.asarray(value).view(OnDevice) if isinstance(value, (np.ndarray, np.generic)) else value
    )


def _made(function: Function) -> Function:
    @wraps(function)
    def make(*args: Any, **kwargs: Any) -> Any:
        return _done(lambda: function(*_plain(args), **kwargs), args)

    return make


class Module:
    """``cupy.RawModule``: the file is known by its text."""

    def __init__(
        self, folder: Path, code: str, options: Sequence[str], name_expressions: Sequence[str]
    ) -> None:
        (self._file,) = (f for f in kernels.KERNELS if kernels.source(f) == code)
        assert "-std=c++17" in options
        self._names, self._compiled = set(name_expressions), compiled(folder, self._file)

    def get_function(self, name: str) -> Function:
        assert name in self._names
        kernel = self._compiled[name]

        def launch(grid: Any, block: Any, args: tuple[Any, ...]) -> None:
            for a, kind in zip(args, kernel.types, strict=True):
                _check(name, a, kind)
            _done(lambda: kernel(grid, block, *map(_plain, args)))

        return launch


compiled = cache(library)
_DTYPES = {
    "float": "float32", "__half": "float16", "int": "int32", "long long": "int64",
    "__nv_bfloat16": "bfloat16",
}  # fmt: skip


BITS = ("__nv_bfloat16", "uint16")


def _check(name: str, argument: Any, kind: str) -> None:
    """A kernel gets just the bits of its arguments: their types are the caller's business."""
    pointed = kind.removesuffix("*").removesuffix(" const")
    # bfloat16 may come as its bits, from where ml_dtypes is not needed
    held = "bfloat16" if (pointed, str(argument.dtype)) == BITS else str(argument.dtype)
    assert held == _DTYPES[pointed], f"{name}: {argument.dtype} for {kind}"
    if kind.endswith("*"):
        assert isinstance(argument, OnDevice), f"{name}: an array of the host for {kind}"
        assert argument.flags.c_contiguous, f"{name}: not contiguous for {kind}"


def cupy(folder: Path) -> Any:
    """Return the module; kernels are compiled into a folder."""
    made = (
        "zeros",
        "ones",
        "full",
        "arange",
        "linspace",
        "eye",
        "array",
        "asarray",
        "ascontiguousarray",
    )
    pool = SimpleNamespace(total_bytes=lambda: 2**20, free_all_blocks=lambda: None)
    runtime = SimpleNamespace(
        getDeviceProperties=lambda _: {
            "name": b"NumPy in CuPy's place", "major": 0, "minor": 0, "l2CacheSize": 2**10},
        runtimeGetVersion=lambda: 0, driverGetVersion=lambda: 0,
    )  # fmt: skip
    cuda = SimpleNamespace(
        runtime=runtime,
        nvrtc=SimpleNamespace(getVersion=lambda: (0, 0)),
        Device=lambda _: SimpleNamespace(synchronize=lambda: None),
        Event=lambda: SimpleNamespace(record=lambda: None, synchronize=lambda: None),
        Stream=Stream,
        MemoryPool=lambda: SimpleNamespace(malloc=None),
        using_allocator=lambda _: nullcontext(),
        get_current_stream=lambda: STREAMS[-1],
        get_elapsed_time=lambda start, end: 1.5,
    )
    like_numpy = {n: v for n, v in vars(np).items() if not n.startswith("__")}
    own = {
        "__version__": "0 (NumPy in its place)",
        "is_available": lambda: True,
        "lib": SimpleNamespace(
            stride_tricks=SimpleNamespace(as_strided=_made(np.lib.stride_tricks.as_strided))
        ),
        "empty": lambda *args, **kwargs: _posed(np.empty(*args, **kwargs)),  # memory is no work
        "RawModule": lambda **given: Module(folder, **given),
        "asnumpy": lambda a: np.array(_plain(a)),
        "get_default_memory_pool": lambda: pool,
        "cuda": cuda,
    }
    return SimpleNamespace(**like_numpy | {n: _made(getattr(np, n)) for n in made} | own)
