"""A device that exists only as a clock: a queue of work, launched by a host that does not wait.

In the tests' own process the host's clock is a number that passes when told to (`Clock`).
In a worker it is the real one (`Host`), so that a whole run can be made on the fake.

As a backend::

    Backend("fake-device", "Fake", "fake", f"{fake_device.__file__}:DeviceAdapter",
            mode={"work_ns": 200_000}, device="cuda")
"""

import os
import sys
import time

from bakeoff_worker import measure

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fake_adapter import FakeAdapter

FLUSH_NS = 40_000
COLD_NS = 30_000  # what a call costs more when the cache is cold


class Host:
    """The real clock."""

    def now(self):
        return measure.wall_ns()

    def wait_until(self, then):
        while self.now() < then:
            time.sleep(max(0, then - self.now()) / 1e9)

    def launch(self):
        """Hand work to the device; takes what it takes."""


class Device:
    """Work in order, one piece at a time; also the timer that an adapter offers."""

    def __init__(self, host):
        self.host = host
        self.free_at = 0  # when the last piece of work ends
        self.warm = False
        self.log = []

    def queue(self, name, ns):
        self.free_at = max(self.host.now(), self.free_at) + ns
        self.log.append(name)

    def launch(self, ns):
        """Begin a piece of a program; it takes longer if the cache is cold."""
        self.host.launch()
        self.queue("work", ns if self.warm else ns + COLD_NS)
        self.warm = True

    def synchronize(self):
        self.host.wait_until(self.free_at)
        self.log.append("wait")

    def record(self):
        self.queue("event", 0)
        return self.free_at

    def elapsed_ns(self, start, end):
        self.host.wait_until(end)
        return end - start

    def flush_cache(self):
        self.queue("flush", FLUSH_NS)
        self.warm = False


class DeviceAdapter(FakeAdapter):
    """The fake toolkit, whose calls return at once and are done ``work_ns`` later.

    So are tensors after ``copy_ns`` and programs after ``compile_ns``. ``waits=False`` is the
    fault of a toolkit that never synchronises.
    """

    name = "fake-device"

    def __init__(
        self, threads=1, work_ns=100_000, copy_ns=0, compile_ns=0, waits=True, events=True
    ):
        FakeAdapter.__init__(self, threads=threads)
        self.work_ns, self.copy_ns, self.compile_ns = work_ns, copy_ns, compile_ns
        self.waits, self.events = waits, events
        self.device = Device(Host())

    def tensor(self, array, dtype):
        self.device.queue("copy", self.copy_ns)
        return FakeAdapter.tensor(self, array, dtype)

    def compile(self, program):
        self.device.queue("compile", self.compile_ns)
        return Launching(self, FakeAdapter.compile(self, program))

    def synchronize(self, values=None):
        if self.waits:
            self.device.synchronize()

    def device_timer(self):
        return self.device if self.events else None


class Launching:
    """An executable whose work is done later, as far as the clocks can tell."""

    def __init__(self, adapter, executable):
        self.adapter, self.executable = adapter, executable

    def __call__(self, *tensors):
        results = self.executable(*tensors)
        self.adapter.device.launch(self.adapter.work_ns)
        return results

    def load(self, params):
        self.executable.load(params)

    def params(self):
        return self.executable.params()
