"""Clocks and blocks, with a clock that the test turns."""

import gc

import pytest

from bakeoff_worker import measure


class Clock:
    """Wall and CPU time that pass only when told to."""

    def __init__(self, monkeypatch):
        self.now = 0
        monkeypatch.setattr(measure, "wall_ns", lambda: self.now)
        monkeypatch.setattr(measure, "cpu_ns", lambda: self.now // 2)

    def work(self, ns):
        self.now += ns


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


def test_a_block_counts_calls_and_synchronisation(clock):
    seen, synced = [], []

    def call(*batch):
        seen.append(batch)
        clock.work(100)
        return batch

    def synchronize(values):
        synced.append(values)
        clock.work(7)

    block = measure.timed_block(call, [("a",), ("b",), ("c",)], 7, synchronize)
    assert [b for (b,) in seen] == list("abcabca")
    assert synced == [("a",)]
    counted = {name: block[name] for name in ("involuntary", "rss_bytes")}
    assert block == {"loops": 7, "wall_ns": 707, "cpu_ns": 353, **counted}
    assert block["rss_bytes"] == pytest.approx(measure.memory()["rss_bytes"], rel=0.1)


@pytest.mark.parametrize("enabled", [True, False])
def test_the_garbage_collector_rests_during_a_block_and_is_left_as_it_was(enabled):
    before = gc.isenabled()
    (gc.enable if enabled else gc.disable)()
    try:
        during = []
        measure.timed_block(lambda: during.append(gc.isenabled()), [()], 2, lambda _: None)
        assert during == [False, False]
        assert gc.isenabled() == enabled

        def fail():
            raise RuntimeError("call")

        with pytest.raises(RuntimeError, match="call"):
            measure.timed_block(fail, [()], 2, lambda _: None)
        assert gc.isenabled() == enabled
    finally:
        (gc.enable if before else gc.disable)()


def test_a_block_of_no_calls_is_refused():
    with pytest.raises(ValueError, match="loops 0, expected 1 or more"):
        measure.timed_block(lambda: None, [()], 0, lambda _: None)


@pytest.mark.parametrize("cost_ns", [3, 50, 1_000, 77_000, 3_000_000, 9_000_000, 10**9])
def test_calibration_hits_the_target_at_any_cost_of_a_call(clock, cost_ns):
    blocks = []

    def block(loops):
        blocks.append(loops)
        return measure.timed_block(lambda: clock.work(cost_ns), [()], loops, lambda _: None)

    target_ns = 10_000_000
    loops = measure.calibrated_loops(block, target_ns)
    assert loops == max(1, round(target_ns / cost_ns))
    assert len(blocks) <= 12
    assert sum(blocks) * cost_ns <= 4 * target_ns or loops == 1


def test_calibration_takes_the_less_disturbed_of_two_blocks(clock):
    disturbances = iter([0, 0, 9_000_000, 0, 0, 700_000])

    def block(loops):
        clock.now = 0
        clock.work(loops * 1_000 + next(disturbances))
        return {"wall_ns": clock.now}

    assert measure.calibrated_loops(block, 1_000_000) == 1000
    assert list(disturbances) == []


@pytest.mark.parametrize(
    ("cost_ns", "slow_calls", "warm"),
    [
        (1_000, 0, True),  # calibration alone has called it often enough
        (50_000, 90, True),
        (100_000, 90, True),
        (800_000, 90, False),  # slow calls of 4 ms, half of it CPU time: the time is up before
        (30_000_000, 0, True),
    ],
)
def test_a_program_warms_up_for_a_hundred_calls_or_five_blocks(clock, cost_ns, slow_calls, warm):
    calls = 0

    def call():
        nonlocal calls
        clock.work(cost_ns * (5 if calls < slow_calls else 1))
        calls += 1

    loops = measure.warm_loops(
        lambda loops: measure.timed_block(call, [()], loops, lambda _: None), 10_000_000
    )
    assert (loops == max(1, round(10_000_000 / cost_ns))) is warm
    assert clock.now <= 2 * (measure.WARM_BLOCKS + 4) * 10_000_000 + 2 * cost_ns


def test_a_stopwatch_adds_up_its_stretches(clock):
    watch = measure.Stopwatch()
    for ns in (10, 20):
        clock.work(1000)
        watch.start()
        clock.work(ns)
        watch.stop()
    assert (watch.wall_ns, watch.cpu_ns) == (30, 15)


def test_python_36_has_clocks_too():
    assert measure._in_ns(lambda: 1.5)() == 1_500_000_000


def test_memory_without_procfs_falls_back_to_rusage(monkeypatch):
    def missing(*args, **kwargs):
        raise OSError

    monkeypatch.setattr("builtins.open", missing)
    assert measure.memory()["peak_rss_bytes"] > 1e6
    assert not measure.reset_peak_memory()
