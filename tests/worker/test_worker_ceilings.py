"""A worker measures what is possible there, and is not taken in by a toolkit that pretends."""

import numpy as np
import pytest
from worker.fake_adapter import FakeAdapter, Tensor

from bakeoff_worker import ceilings, measure

SIZE = 64


@pytest.fixture(autouse=True)
def small_products(monkeypatch):
    monkeypatch.setattr(ceilings, "SIZES", (SIZE,))


def matrices(dtype, seed=0):
    random = np.random.RandomState(seed)
    return [random.uniform(-1, 1, (SIZE, SIZE)).astype(dtype) for _ in range(2)]


def signs(seed=7):
    return np.random.RandomState(seed).choice([-1.0, 1.0], SIZE)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_a_right_product_is_taken_for_one(dtype):
    a, b = matrices(dtype)
    assert ceilings.is_product(a, b, a @ b, signs(), dtype)


def test_a_bfloat16_product_may_have_rounded_its_factors():
    a, b = ((x.view("u4") & 0xFFFF0000).view("f4") for x in matrices("float32"))  # cut off
    product = ((a @ b).view("u4") & 0xFFFF0000).view("f4")
    assert ceilings.is_product(*matrices("float32"), product, signs(), "bfloat16")


WRONG = {
    "zeros": lambda a, b: np.zeros_like(a),
    "another product": lambda a, b: b @ a,
    "a row left out": lambda a, b: np.concatenate([(a @ b)[:-1], np.zeros_like(a[:1])]),
    "an element left out": lambda a, b: (a @ b) * (np.arange(SIZE * SIZE).reshape(a.shape) != 77),
    "a row a little off": lambda a, b: (a @ b) * (1 + 3e-5 * np.eye(SIZE, dtype="f4")[:, :1]),
    "fewer digits": lambda a, b: (a.astype("f2") @ b.astype("f2")).astype(a.dtype),
    "nan": lambda a, b: (a @ b) * np.float32("nan"),
    "another shape": lambda a, b: (a @ b)[:-1],
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_product_is_not(name):
    a, b = matrices("float32")
    assert not ceilings.is_product(a, b, WRONG[name](a, b), signs(), "float32")


class Counting(FakeAdapter):
    """Notes the factors of each product; ``spoil`` changes the results."""

    def __init__(self, spoil=lambda results: results):
        super().__init__()
        self.spoil, self.seen = spoil, []

    def compile(self, program):
        right = super().compile(program)

        def run(*tensors):
            self.seen.append(b"".join(t.array.tobytes() for t in tensors))
            return self.spoil(right(*tensors))

        return run


@pytest.mark.parametrize(
    ("large", "calls"), [(SIZE + 1, ceilings.CALLS), (SIZE, ceilings.FEW)], ids=["small", "large"]
)
def test_the_rate_is_that_of_products_never_seen_before(monkeypatch, large, calls):
    monkeypatch.setattr(ceilings, "LARGE", large)
    adapter = Counting()
    rate = ceilings.product_rate(adapter, "float32", measure.wall_ns)
    assert 1e6 < rate < 1e15
    assert len(set(adapter.seen)) == len(adapter.seen) == 1 + calls


PRETENDERS = {
    "does nothing": lambda results: (Tensor(np.zeros((SIZE, SIZE), "f4")),),
    "remembers": lambda results, kept=[]: kept.append(results) or kept[0],
    "is off": lambda results: (results[0] * 1.001,),
}


@pytest.mark.parametrize("name", PRETENDERS)
def test_a_pretended_product_has_no_rate(name):
    adapter = Counting(PRETENDERS[name])
    assert ceilings.product_rate(adapter, "float32", measure.wall_ns) == 0.0


@pytest.mark.parametrize(("cost_ns", "sizes"), [(1, [64, 256]), (1_000_000, [64])])
def test_the_size_grows_until_a_call_is_long_enough(monkeypatch, cost_ns, sizes):
    monkeypatch.setattr(ceilings, "SIZES", (64, 128, 256))
    asked = []

    def products(adapter, dtype, n, clock):
        asked.append(n)
        return [cost_ns * n**3 // 64] * 3, True

    monkeypatch.setattr(ceilings, "_products", products)
    monkeypatch.setattr(ceilings, "CALL_NS", 4_000_000)
    rate = ceilings.product_rate(None, "float32", measure.wall_ns)
    assert asked == sizes
    assert rate == pytest.approx(2e9 * 64 / cost_ns)


def test_copying_is_measured_in_every_level():
    rates = ceilings.copy_rates(measure.cpu_ns)
    assert [size for size, _ in rates] == list(ceilings.COPIED)
    assert all(1e7 < rate <= 1e12 for _, rate in rates)


class Waiting(FakeAdapter):
    """Each call is done when it is waited for, 1 ms later; counts waits and calls."""

    def __init__(self, lacks=()):
        super().__init__(lacks=lacks)
        self.calls = self.waits = 0

    def compile(self, program):
        run = super().compile(program)

        def call(*tensors):
            self.calls += 1
            return run(*tensors)

        return call

    def synchronize(self, values=None):
        self.waits += 1


def test_copying_on_a_device_is_a_queue_of_calls_that_is_waited_for(monkeypatch):
    monkeypatch.setattr(ceilings, "COPIED_ON_DEVICE", (1 << 16, 1 << 18))
    adapter = Waiting()
    rates = ceilings.device_copy_rates(adapter, measure.wall_ns)
    assert [size for size, _ in rates] == [1 << 16, 1 << 18]
    assert all(1e6 < rate < 1e13 for _, rate in rates)
    assert 2 * 9 <= adapter.waits < adapter.calls


def test_negation_reads_and_writes_what_is_counted():
    program = ceilings.negation(ceilings.COPIED_ON_DEVICE[0] // 8)
    moved = sum(4 * np.prod(v.shape) for v in program.values().values())
    assert moved == ceilings.COPIED_ON_DEVICE[0]


def test_a_toolkit_that_does_not_negate_has_no_rate_of_copying():
    assert ceilings.device_copy_rates(Waiting(lacks=["negative"]), measure.wall_ns) == []


def test_a_bare_call_takes_less_than_a_product():
    nothing = ceilings.bare_call_ns(measure.cpu_ns)
    a, b = matrices("float64")
    product = ceilings._best_ns(lambda: a @ b, [()], 8_000_000, measure.cpu_ns)
    assert 0 < nothing < product


def test_a_worker_tells_its_ceilings(shared, product, factors):
    shared.prepare(product, factors)
    found = shared.ceilings(["float16", "float32"], "cpu")
    assert list(found.gemm) == ["float32"]  # the fake has no float16
    assert found.gemm["float32"] > 1e6
    assert len(found.copy) == len(ceilings.COPIED)
    assert found.call_ns > 0
    assert shared.ceilings([], "wall", copying="").copy == ()
    shared.prepare(product, factors)  # it can be asked for other things as before
    np.testing.assert_allclose(shared.call()[0][0], factors["a"] @ factors["b"], rtol=1e-6)


@pytest.mark.parametrize(
    "mode", [{"lacks": ["matmul"]}, {"fault": "raise"}, {"scale": 1.01}], ids=str
)
def test_a_toolkit_whose_product_fails_has_the_other_ceilings(start, mode):
    found = start(mode=mode).ceilings(["float32"], "wall")
    assert not found.gemm
    assert found.copy
    assert found.call_ns > 0
