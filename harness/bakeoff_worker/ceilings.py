"""What the machine can do at most, measured with the worker's own threads and toolkit.

A time that would need more than this was not spent on what was asked. So that no ceiling can
be reached by remembering, every product is of factors that the toolkit has not seen before;
and so that none is of a product that was not computed, the timed results are checked.
"""

from typing import Any, Callable, Dict, List, Sequence, Tuple

import numpy as np

from bakeoff_worker import measure
from bakeoff_worker.adapter import refusal
from bakeoff_worker.program import Node, Program, Value

CALL_NS = 12000000  # a product this long is dear enough to be measured, and cheap enough
SIZES = (256, 512, 1024, 2048, 4096)
CALLS = 8  # timed products of a size, each by itself: the best of short looks avoids neighbours
LARGE, FEW = 2048, 2  # from that size on so many: drawing and checking take the host a second
COPIED = (16 << 10, 256 << 10, 4 << 20, 64 << 20)  # bytes read plus written: L1, L2, L3, memory
COPY_NS = 8000000
# Of a device's memory, beyond every second-level cache to date: of smaller sets a launch takes
# longer than the copy, and a program of several ops to a launch would seem impossible.
COPIED_ON_DEVICE = (256 << 20, 1 << 30)
ROUNDOFF = {"float16": 2.0**-11, "bfloat16": 2.0**-8, "float32": 2.0**-24, "float64": 2.0**-53}

Clock = Callable[[], int]
CLOCKS = {"cpu": measure.cpu_ns, "wall": measure.wall_ns}  # type: Dict[str, Clock]


def product_rate(adapter: Any, dtype: str, clock: Clock) -> float:
    """Return the best rate of the toolkit's own ``matmul``, in operations per second.

    The size grows until a call takes about `CALL_NS`; 0.0 if no result was right.
    """
    best, size = 0.0, SIZES[0]
    while True:
        spent_ns, right = _products(adapter, dtype, size, clock)
        if right:
            best = max(best, 2.0 * size**3 / min(spent_ns))
        typical = sorted(spent_ns)[len(spent_ns) // 2]
        fitting = [n for n in SIZES if n > size and typical * (n / float(size)) ** 3 <= CALL_NS]
        if not fitting:
            return 1e9 * best
        size = fitting[-1]


def offers_product(adapter: Any, dtype: str) -> bool:
    """Return whether the toolkit can be asked for a product of the dtype."""
    return dtype in ROUNDOFF and refusal(adapter, product(dtype, SIZES[0])) is None


def product(dtype: str, n: int) -> Program:
    """Return the program of the product of two n × n matrices."""
    factors = (Value("a", (n, n), dtype), Value("b", (n, n), dtype))
    node = Node("c", "matmul", ("a", "b"), {}, (n, n), dtype)
    return Program("ceiling", factors, (node,), ("c",), {"kind": "forward"})


def _products(adapter: Any, dtype: str, n: int, clock: Clock) -> Tuple[List[int], bool]:
    """Return the times of some products, and whether all of them are right."""
    run = adapter.compile(product(dtype, n))
    random = np.random.RandomState(n)
    a, b = (random.uniform(-1, 1, (n, n)).astype(_host(dtype)) for _ in "ab")
    spent_ns, right = [], True
    calls = CALLS if n < LARGE else FEW
    for call in range(calls + 1):  # the first compiles, and is right or wrong like the others
        left, other = np.roll(a, call, axis=0), np.roll(b, 3 * call + 1, axis=1)
        tensors = [adapter.tensor(x, dtype) for x in (left, other)]
        adapter.synchronize(tensors)
        start = clock()
        results = run(*tensors)
        adapter.synchronize(results)
        taken = clock() - start
        if call:
            spent_ns.append(max(1, taken))
        signs = random.choice([-1.0, 1.0], n)
        right = right and is_product(left, other, adapter.to_numpy(results[0]), signs, dtype)
    return spent_ns, right


def is_product(a: Any, b: Any, c: Any, signs: Any, dtype: str) -> bool:
    """Return whether c is a @ b within the dtype's rounding, at the cost of three vectors.

    ``signs`` must be drawn after c was made. The tolerance is eight times what rounding
    adds up to when it is random, √K u; a row left out is of the size of the whole.

    Source: Freivalds, Probabilistic machines can use less running time, IFIP (1977).
    """
    expected = a.astype("f8").dot(b.astype("f8").dot(signs))
    found = np.asarray(c, dtype="f8").dot(signs)
    if found.shape != expected.shape:
        return False
    tolerance = min(0.25, 8 * ROUNDOFF[dtype] * len(b) ** 0.5)
    scale = np.sqrt(np.mean(expected**2))
    return bool(np.max(np.abs(found - expected)) <= tolerance * scale)


def _host(dtype: str) -> str:
    return "float32" if dtype == "bfloat16" else dtype


def copy_rates(clock: Clock) -> List[Tuple[int, float]]:
    """Return per working set of `COPIED` bytes the rate of copying, in bytes per second.

    Bytes are those read and those written. What a call costs without any bytes is taken
    off, for another program may call less often.
    """
    call_ns = _copy_ns(64, clock)
    rates = []
    for size in COPIED:
        taken = max(_copy_ns(size, clock) - call_ns, 1e-3 * size)  # 1 TB/s at the most
        rates.append((size, 1e9 * size / taken))
    return rates


def device_copy_rates(adapter: Any, clock: Clock) -> List[Tuple[int, float]]:
    """Return per working set of `COPIED_ON_DEVICE` bytes the rate of moving it, as `copy_rates`.

    The toolkit's own negation reads and writes every element once; calls are queued, and waited
    for once per block. Empty for a toolkit that does not negate.
    """
    rates = []
    for size in COPIED_ON_DEVICE:
        program = negation(size // 8)  # float32, read and written
        if refusal(adapter, program) is not None:
            return []
        run = adapter.compile(program)
        batches = [(adapter.tensor(np.ones(size // 8, "f4"), "float32"),)]
        adapter.synchronize(run(*batches[0]))  # compiled by then
        taken = _best_ns(run, batches, COPY_NS, clock, adapter.synchronize)
        rates.append((size, 1e9 * size / taken))
    return rates


def negation(n: int) -> Program:
    """Return the program of the negative of n float32 numbers."""
    node = Node("y", "negative", ("x",), {}, (n,), "float32")
    return Program("copy", (Value("x", (n,), "float32"),), (node,), ("y",), {"kind": "forward"})


def _copy_ns(size: int, clock: Clock) -> float:
    """Return the best time of copying ``size / 2`` bytes, warm."""
    source = np.ones(size // 2, "u1")
    target = np.zeros_like(source)  # touched: its pages are there
    return _best_ns(lambda: np.copyto(target, source), [()], COPY_NS, clock)


def bare_call_ns(clock: Clock) -> float:
    """Return what one turn of the timed loop takes when nothing is called that does anything."""
    return _best_ns(lambda: None, [()], COPY_NS, clock)


def _best_ns(
    call: Callable[..., Any], batches: Sequence[Tuple[Any, ...]], total_ns: int, clock: Clock,
    synchronize: Callable[[Any], None] = lambda _: None,
) -> float:  # fmt: skip
    """Return the best time per call over blocks that take ``total_ns`` together."""
    name = "cpu_ns" if clock is measure.cpu_ns else "wall_ns"

    def block(loops: int) -> Dict[str, int]:
        return measure.timed_block(call, batches, loops, synchronize)

    loops = measure.calibrated_loops(block, total_ns // 8)
    return min(block(loops)[name] for _ in range(8)) / float(loops)
