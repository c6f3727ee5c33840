"""Device time on a device whose clock the test turns: what each view counts, and what not."""

import fake_device
import pytest
from fake_device import COLD_NS, FLUSH_NS, Device

from bakeoff_worker import device, measure

LAUNCH_NS = 1_000


class Clock:
    """A host whose time passes only by launching and by waiting."""

    def __init__(self, launch_ns):
        self.time = 0
        self.launch_ns = launch_ns

    def now(self):
        return self.time

    def wait_until(self, then):
        self.time = max(self.time, then)

    def launch(self):
        self.time += self.launch_ns


@pytest.fixture
def fake(monkeypatch):
    """Return a warm device, on whose host's clock the worker's stopwatch runs."""

    def make(launch_ns=LAUNCH_NS):
        clock = Clock(launch_ns)
        monkeypatch.setattr(measure, "wall_ns", clock.now)
        made = Device(clock)
        made.warm = True
        return made

    return make


def block(fake, loops, work_ns, wait=True, timer=True):
    waiting = (lambda _: fake.synchronize()) if wait else (lambda _: None)
    return measure.timed_block(
        lambda: fake.launch(work_ns), [()], loops, waiting, fake if timer else None
    )


def test_hot_is_the_event_time_over_the_calls_and_end_to_end_has_the_launch_too(fake):
    made = fake()
    found = block(made, 10, work_ns=50_000)
    assert made.log == ["event", *["work"] * 10, "event", "wait"]
    assert found["device_ns"] == LAUNCH_NS + 10 * 50_000, "the first launch precedes all work"
    assert found["wall_ns"] == LAUNCH_NS + 10 * 50_000, "later launches hide behind the work"
    assert found["loops"] == 10


def test_a_device_that_waits_for_its_host_shows_the_launches_in_both_views(fake):
    found = block(fake(launch_ns=9_000), 10, work_ns=2_000)
    assert found["device_ns"] == found["wall_ns"] == 10 * 9_000 + 2_000


def test_work_before_the_block_is_in_no_view_if_it_was_waited_for(fake):
    made = fake()
    made.queue("earlier", 10**9)
    made.synchronize()
    assert block(made, 1, work_ns=5_000)["device_ns"] == LAUNCH_NS + 5_000


def test_an_unsynchronised_launch_is_not_work_done(fake):
    """The host's clock alone sees launches; the events wait, and see the work."""
    found = block(fake(), 10, work_ns=50_000, wait=False)
    assert found["wall_ns"] == 10 * LAUNCH_NS
    assert found["device_ns"] > found["wall_ns"], "which no honest block can show"


def test_a_toolkit_without_events_has_the_host_s_clock_alone(fake):
    found = block(fake(), 10, work_ns=50_000, timer=False)
    assert "device_ns" not in found
    assert found["wall_ns"] == LAUNCH_NS + 10 * 50_000


def test_cold_calls_are_each_flushed_before_their_window_opens(fake):
    made = fake()
    times = device.cold_calls(
        lambda: made.launch(5_000), [()], 3, lambda _: made.synchronize(), made
    )
    assert LAUNCH_NS < FLUSH_NS
    assert times == [5_000 + COLD_NS] * 3, "neither the flush nor the launch is in it"
    assert made.log == ["flush", "event", "work", "event", "wait"] * 3


def test_cold_calls_take_the_batches_in_turn(fake):
    made, seen = fake(), []
    device.cold_calls(seen.append, [("a",), ("b",)], 3, lambda _: made.synchronize(), made)
    assert seen == ["a", "b", "a"]


def test_no_cold_calls_are_refused(fake):
    with pytest.raises(ValueError, match="calls 0, expected 1 or more"):
        device.cold_calls(lambda: None, [()], 0, lambda _: None, fake())


# -- through a worker, on the real clock ---------------------------------------------------


def test_a_worker_tells_hot_and_cold_beside_end_to_end(start, product, factors):
    worker = start(
        adapter_file=fake_device.__file__,
        adapter_class="DeviceAdapter",
        mode={"work_ns": 2_000_000},
    )
    assert worker.hello["device_events"] is True
    worker.prepare(product, factors)
    taken = worker.block(5)
    assert taken.device_ns is not None
    assert taken.wall_ns >= taken.device_ns >= 5 * 2_000_000
    cold_ns = worker.cold(4)
    assert len(cold_ns) == 4
    assert all(ns >= 2_000_000 + COLD_NS for ns in cold_ns)


def test_training_begins_anew_for_cold_calls(start, regression, regression_inputs):
    """Steps before them, and they themselves, leave no trace in what is trained next."""
    worker = start(adapter_file=fake_device.__file__, adapter_class="DeviceAdapter")
    worker.prepare(regression("sgd", {"lr": 0.1}), regression_inputs, batches=4)
    before = worker.train(3)["losses"]
    worker.cold(5)
    assert worker.train(3)["losses"].tolist() == before.tolist()


def test_transfer_compile_and_first_call_each_wait_for_the_device(start, product, factors):
    mode = {"copy_ns": 4_000_000, "compile_ns": 5_000_000, "work_ns": 3_000_000}
    worker = start(adapter_file=fake_device.__file__, adapter_class="DeviceAdapter", mode=mode)
    prepared = worker.prepare(product, factors)
    assert prepared["transfer_ns"] >= 2 * mode["copy_ns"]
    assert prepared["compile_ns"] >= mode["compile_ns"]
    _, costs = worker.call()
    assert costs["wall_ns"] >= mode["work_ns"]


def test_a_toolkit_of_the_host_has_no_device_time(shared, product, factors):
    assert shared.hello["device_events"] is False
    shared.prepare(product, factors)
    assert shared.block(3).device_ns is None
    with pytest.raises(Exception, match="cold: this toolkit has no device events"):
        shared.cold(1)
