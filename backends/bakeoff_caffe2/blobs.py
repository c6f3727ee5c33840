"""Blobs of the workspace as tensors, and as the symbols of a net under construction."""

from typing import Any, Dict, List, Sequence, Tuple

from bakeoff_worker.shapes import broadcast

Key = Tuple[Tuple[int, ...], str]


class Blob(object):
    """A tensor: a named blob that holds its values. Its name is used again when it is gone.

    A net is bound to its blobs by name, so that one net serves all tensors that come to
    bear the same names, such as the batches of a training loop.
    """

    def __init__(self, pool: "Pool", name: str, key: Key) -> None:
        self._pool = pool
        self.name = name
        self._key = key

    def __del__(self) -> None:
        self._pool.give_back(self.name, self._key)


class Pool(object):
    """Names of blobs: those in use, and those to be used again, by shape and dtype."""

    def __init__(self, workspace: Any) -> None:
        self._workspace = workspace
        self._free: Dict[Key, List[str]] = {}
        self._count = 0

    def blob(self, array: Any) -> Blob:
        """Return a blob with a copy of the values."""
        key = (tuple(array.shape), str(array.dtype))
        names = self._free.setdefault(key, [])
        if not names:
            self._count += 1
            names.append("tensor_%d" % self._count)
        name = names.pop()
        self._workspace.FeedBlob(name, array)
        return Blob(self, name, key)

    def give_back(self, name: str, key: Key) -> None:
        """Use the name for the next tensor of this kind."""
        self._free.setdefault(key, []).append(name)


class Symbol(object):
    """A value of a net: its blob's name and its shape; ``+ - * /`` add operators."""

    def __init__(self, net: "Net", name: str, shape: Sequence[int], dtype: str = "float32") -> None:
        self.net = net
        self.name = name
        self.shape = tuple(shape)
        self.dtype = dtype

    def __add__(self, other: Any) -> "Symbol":
        return self.net.binary("Add", self, other)

    def __radd__(self, other: Any) -> "Symbol":
        return self.net.binary("Add", other, self)

    def __sub__(self, other: Any) -> "Symbol":
        return self.net.binary("Sub", self, other)

    def __rsub__(self, other: Any) -> "Symbol":
        return self.net.binary("Sub", other, self)

    def __mul__(self, other: Any) -> "Symbol":
        return self.net.binary("Mul", self, other)

    def __rmul__(self, other: Any) -> "Symbol":
        return self.net.binary("Mul", other, self)

    def __truediv__(self, other: Any) -> "Symbol":
        return self.net.binary("Div", self, other)


class Net(object):
    """A Caffe2 net under construction, with the net that makes its constants once.

    Attributes
    ----------
    net, constants
        ``core.Net`` of the program and of its constants.
    """

    def __init__(self, core: Any, name: str) -> None:
        self.net = core.Net(name)
        self.constants = core.Net(name + "_constants")
        self._types = core.DataType
        self._prefix = str(self.net.Proto().name)
        self._count = 0

    def name(self) -> str:
        """Return a new blob's name."""
        self._count += 1
        return "%s_%d" % (self._prefix, self._count)

    def add(
        self, operator: str, inputs: Sequence[Symbol], result: Sequence[int], dtype: str = "",
        extra: int = 0, **arguments: Any
    ) -> Symbol:  # fmt: skip
        """Add an operator whose result has this shape; ``extra`` outputs are left alone."""
        outputs = [self.name() for _ in range(1 + extra)]
        getattr(self.net, operator)([s.name for s in inputs], outputs, **arguments)
        return Symbol(self, outputs[0], result, dtype or (inputs[0].dtype if inputs else "float32"))

    def binary(self, operator: str, a: Any, b: Any, dtype: str = "") -> Symbol:
        """Add an operator that broadcasts; a number becomes a constant."""
        kind = (a if isinstance(a, Symbol) else b).dtype
        x = a if isinstance(a, Symbol) else self.constant(a, (1,), kind)
        y = b if isinstance(b, Symbol) else self.constant(b, (1,), kind)
        return self.add(operator, [x, y], broadcast(x.shape, y.shape), dtype or kind)

    def constant(self, value: Any, shape: Sequence[int], dtype: str) -> Symbol:
        """Return a blob that is filled once, before the net is first run."""
        symbol = self._fill(self.constants, value, shape, dtype)
        self.net.AddExternalInput(symbol.name)
        return symbol

    def filled(self, value: Any, shape: Sequence[int], dtype: str) -> Symbol:
        """Return a blob that is filled each time the net runs."""
        return self._fill(self.net, value, shape, dtype)

    def _fill(self, net: Any, value: Any, shape: Sequence[int], dtype: str) -> Symbol:
        name = self.name()
        value = float(value) if dtype == "float32" else value  # it looks at the field's type
        net.ConstantFill([], [name], shape=list(shape), value=value, dtype=self.type(dtype))
        return Symbol(self, name, shape, dtype)

    def integers(self, values: Sequence[int]) -> Symbol:
        """Return a blob of int64 values, such as a shape."""
        name = self.name()
        self.constants.GivenTensorInt64Fill([], [name], shape=[len(values)], values=list(values))
        self.net.AddExternalInput(name)
        return Symbol(self, name, (len(values),), "int64")

    def type(self, dtype: str) -> int:
        """Return Caffe2's number of a dtype."""
        names = {"bool": "BOOL", "int32": "INT32", "int64": "INT64", "float32": "FLOAT"}
        number: int = getattr(self._types, names[dtype])
        return number
