"""What a program cannot do without: the work below which no implementation can go.

`bakeoff.cost` counts the work of the plain way. A toolkit may do less and be honest: leave out
what no result needs, fold constants, reorder products, use a faster algorithm. What is counted
here is what remains, by rules that err on the low side, since whoever is below it is accused.

* A product counts if each element of its result must be known: it is an output, or a nonlinear
  function of it is needed. A sum of a product, or a product of a product, may be had for less.
* Both factors must be free: inputs, or nonlinear functions of them. A broadcast, a padded or a
  one-hot matrix has structure; so has a matrix times its own transpose.
* Its gradient counts for an argument that is asked for, or is a nonlinear function.
* Of a convolution, per dimension, only Winograd's fewest multiplications; of a matrix product
  Strassen's seven in eight per level, down to blocks of 512.
* Bytes are those of inputs of which each element matters, and of results that are computed.

Sources: Winograd, Arithmetic Complexity of Computations, SIAM (1980): m outputs of an r-tap
filter take m + r - 1 multiplications and no fewer; Lavin & Gray, Fast algorithms for
convolutional neural networks, CVPR (2016); Strassen, Gaussian elimination is not optimal,
Numerische Mathematik 13 (1969).
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import log2, prod

from bakeoff import cost
from bakeoff.rules import Shape, Spec
from bakeoff_worker.program import Node, Program, references

STRASSEN_FROM = 512  # blocks below which nobody has found Strassen's algorithm to pay

_MOVED = {"reshape", "permute_dims", "astype"}
_JOINED = {"concat", "stack"}
_ARITHMETIC = {"add", "subtract", "negative", "multiply", "divide", "bias_add"}
_LINEAR = _MOVED | _JOINED | _ARITHMETIC  # in each argument, at least
_SUMS = {"sum", "mean", "avg_pool2d"}
_NONLINEAR = {
    "exp", "expm1", "log", "log1p", "sqrt", "square", "pow", "abs", "maximum", "minimum", "relu",
    "sigmoid", "tanh", "silu", "softmax", "log_softmax", "logsumexp", "squared_error",
    "sigmoid_cross_entropy_with_logits", "softmax_cross_entropy_with_logits",
    "sparse_softmax_cross_entropy_with_logits",
}  # fmt: skip
_COMPUTED = _ARITHMETIC | _SUMS | _NONLINEAR


@dataclass(frozen=True, slots=True)
class Demand:
    """Operations of products by dtype, and bytes to move."""

    products: Mapping[str, float]
    bytes: int


def is_product(node: Node) -> bool:
    """Return whether a node is of the kind that a matrix product's rate is a ceiling of."""
    return node.op == "matmul" or node.op.startswith("conv")


def conventional(program: Program) -> Demand:
    """Return what the plain way takes, by `bakeoff.cost`."""
    work = cost.by_node(program)
    products: Counter[str] = Counter()
    for node in program.nodes:
        if is_product(node):
            products[node.dtype] += work[node.name]
    return Demand(products, cost.bytes_moved(program))


def least(program: Program) -> Demand:
    """Return what no implementation can do without, by the rules above."""
    return _Floor(program).demand()


class _Floor:
    """A program, with what is to be known of each of its values, by name.

    Attributes
    ----------
    full, used
        Each element must be known; each element matters. A sum uses all, and knows none.
    free, dense
        Any matrix is possible; any of a low rank, for it is a product, or has one added.
    varies, active
        It depends on an input; on one whose gradient is asked.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.nodes = {n.name: n for n in program.nodes}
        self.specs = {n: Spec(v.shape, v.dtype) for n, v in program.values().items()}
        self.wanted = {*program.ask.get("wrt", ()), *program.ask.get("params", ())}
        self.full, self.used = set(program.outputs), set(program.outputs)
        self.free = {v.name for v in program.inputs}
        self.dense: set[str] = set()
        self.varies, self.active = set(self.free), set(self.wanted)
        for node in program.nodes:
            self._look_forward(node)
        for node in reversed(program.nodes):
            self._look_back(node)

    def demand(self) -> Demand:
        """Return what the program cannot do without."""
        products: defaultdict[str, float] = defaultdict(float)
        # the same product twice is one
        nodes = {repr((n.op, n.args, n.attrs)): n for n in self.program.nodes if self._is_whole(n)}
        for node in nodes.values():
            times = 1 + sum(self._gradient_is_whole(a) for a in references(node))
            products[node.dtype] += times * self._fewest(node)
        return Demand(products, sum(self.specs[n].nbytes for n in self._moved()))

    def _look_forward(self, node: Node) -> None:
        names = references(node)
        size = self.specs[node.name].size
        of_its_size = [a for a in names if self.specs[a].size == size]
        is_dense = any(a in self.dense for a in of_its_size)
        is_free = any(a in self.free for a in of_its_size)
        if is_product(node) and self.free.issuperset(names):
            self.dense.add(node.name)
        elif node.op in _JOINED:
            self.free.update([node.name] if self.free.issuperset(names) else ())
        elif node.op in _LINEAR and is_dense:
            self.dense.add(node.name)
        elif node.op in _LINEAR | _NONLINEAR and (is_dense or is_free):
            self.free.add(node.name)
        for known in (self.varies, self.active):
            if known.intersection(names):
                known.add(node.name)

    def _look_back(self, node: Node) -> None:
        """Note what a node needs, if it is clear from its op."""
        if node.name not in self.used:
            return
        if node.op in _NONLINEAR or (node.op in _LINEAR and node.name in self.full):
            self.full.update(references(node))
        if node.op in _NONLINEAR | _LINEAR | _SUMS or is_product(node):
            self.used.update(references(node))

    def _is_whole(self, node: Node) -> bool:
        """Return whether all of a product is needed, of factors that are free and unlike."""
        names = references(node)
        return (
            is_product(node)
            and node.name in self.full
            and self.free.issuperset(names)
            and len({self._origin(n) for n in names}) == len(names)
        )

    def _gradient_is_whole(self, name: str) -> bool:
        origin = self._origin(name)
        node = self.nodes.get(origin)
        return origin in self.wanted if node is None else (
            node.op in _NONLINEAR and origin in self.active
        )  # fmt: skip

    def _origin(self, name: str) -> str:
        """Return the value that a name is a rearrangement of."""
        node = self.nodes.get(name)
        return self._origin(references(node)[0]) if node and node.op in _MOVED else name

    def _fewest(self, node: Node) -> float:
        a, b = (self.specs[name].shape for name in references(node))
        if node.op == "matmul":
            return 2.0 * prod(node.shape) * a[-1] * _strassen(a, b)
        return _fewest_of_convolution(node, a, b)

    def _moved(self) -> Iterator[str]:
        """Yield the values that must be read or written, once per time that they must."""
        yield from (v.name for v in self.program.inputs if v.name in self.used)
        for name in dict.fromkeys(self.program.outputs):
            node = self.nodes.get(name)
            if node and name in self.varies and (node.op in _COMPUTED or is_product(node)):
                yield name
        computing = [n for n in self.program.nodes if n.op in _NONLINEAR or is_product(n)]
        read = {a for n in computing if n.name in self.used for a in references(n)}
        yield from self.wanted & read  # a sum's gradient, say, may be a view of another


def _strassen(a: Shape, b: Shape) -> float:
    smallest = min(a[-2], a[-1], b[-1]) if len(a) > 1 and len(b) > 1 else 1
    levels = max(0, int(log2(max(1.0, smallest / STRASSEN_FROM))))
    return (7 / 8) ** levels


def _fewest_of_convolution(node: Node, x: Shape, weight: Shape) -> float:
    """Return twice the multiplications that a convolution, or its transpose, cannot save.

    Its transpose, and its gradients, take as many: Winograd, theorem of transposition.
    """
    transposed = node.op.startswith("conv_transpose")
    per_image = weight[0] * weight[1]  # pairs of channels
    count = 2.0 * x[0] * per_image
    for i, r in enumerate(weight[2:]):
        stride, dilation = node.attrs["stride"][i], node.attrs["dilation"][i]
        low = node.attrs["padding"][i][0]
        m, extent = (x[2 + i], node.shape[2 + i])[:: 1 if transposed else -1]
        # m places, of which each meets r taps; those outside meet padding, which is zero
        taps = sum(0 <= o * stride + k * dilation - low < extent
                   for o in range(m) for k in range(r))  # fmt: skip
        phases = min(stride, r)
        count *= min(taps, phases * m + r - phases)
    return count
