"""The device's clock from block to ranking; and a whole run on a device that is a fake."""

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import fake_device
import pytest
import runner_toys
from test_remarks import CASE, ranking
from test_runner import of, own_cache_and_pace, plugins, run  # noqa: F401  (fixtures among them)

from bakeoff import export
from bakeoff.interface import Backend
from bakeoff.plugins import Plugins
from bakeoff.ranking import Ranking, Setting, settings_of
from bakeoff.record import Block, Outcome, Record
from bakeoff.statistics import block_ns, per_call_ns
from bakeoff.stopping import LEAST_ROUNDS, Stopping

EVENTS = Setting("cuda", 1, known=True, events=True)
NO_EVENTS = Setting("cuda", 1, known=True)
ON_CPU = Setting("cpu", 1, known=True)


def blocks(*pairs: tuple[int, int | None]) -> tuple[Block, ...]:
    """Blocks of ten calls with wall and device time per call."""
    return tuple(
        Block(i, 10, 10 * wall, 7, 0, device_ns=None if device is None else 10 * device)
        for i, (wall, device) in enumerate(pairs)
    )


def rounds(backend: str, *pairs: tuple[int, int | None], count: int = 4) -> list[Record]:
    return [Record(CASE.id, backend, 0, n, Outcome.OK, checks=(), blocks=blocks(*pairs))
            for n in range(count)]  # fmt: skip


def test_per_call_on_the_device_s_clock_is_the_median_of_what_has_it() -> None:
    found = blocks((90, 50), (900, 60), (80, 40), (70, None))
    assert per_call_ns(found, "device") == 50
    assert per_call_ns(found, "wall") == 85
    assert block_ns(found[3], "device") is None
    with pytest.raises(ValueError, match="no block has device time"):
        per_call_ns(found[3:], "device")


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (EVENTS, EVENTS, "device"),
        (EVENTS, NO_EVENTS, "wall"),
        (NO_EVENTS, NO_EVENTS, "wall"),
        (EVENTS, ON_CPU, "wall"),
        (ON_CPU, ON_CPU, "cpu"),
        (ON_CPU, Setting("cpu", 2, known=True), "wall"),
        (EVENTS, Setting("rocm", 1, known=True, events=True), "wall"),
    ],
    ids=["both-events", "one-events", "no-events", "gpu-cpu", "cpu", "threads", "two-devices"],
)
def test_two_backends_compare_on_a_clock_that_both_have(
    a: Setting, b: Setting, expected: str
) -> None:
    assert a.clock_with(b) == b.clock_with(a) == expected


@pytest.mark.parametrize(
    ("base", "ratio"), [(EVENTS, 3.0), (NO_EVENTS, 2.0), (ON_CPU, 2.0)],
    ids=["device-time", "a-toolkit-without-events", "a-backend-of-the-cpu"],
)  # fmt: skip
def test_ratios_are_read_off_the_shared_clock(base: Setting, ratio: float) -> None:
    records = [
        *rounds("base", (100, 30 if base.events else None)),
        *rounds("new", (200, 90)),
    ]
    found = Ranking([CASE], {"base": base, "new": EVENTS}, records)
    assert math.exp(found.pairs(CASE.id, "new")[0]) == pytest.approx(ratio)
    assert found.times(CASE.id, "new")[0] == 90


def test_rounds_without_events_are_left_out_of_device_times() -> None:
    records = [*rounds("new", (200, 90), count=2), *rounds("base", (1, 1))]
    records.append(Record(CASE.id, "new", 0, 2, Outcome.OK, checks=(), blocks=blocks((200, None))))
    found = Ranking([CASE], {"base": EVENTS, "new": EVENTS}, records)
    assert sorted(found.times(CASE.id, "new")) == [0, 1]
    assert sorted(found.pairs(CASE.id, "new")) == [0, 1]


def test_a_backend_that_does_not_wait_for_its_device_is_not_ranked() -> None:
    settings = {"base": EVENTS, "new": EVENTS}
    honest, hasty = rounds("base", (1000, 1001)), rounds("new", (20, 90), (20, 91))
    found = Ranking([CASE], settings, [*honest, *hasty])
    assert not found.remarks(CASE.id, "base")
    [remark] = found.remarks(CASE.id, "new")
    assert (remark.kind, remark.forbids) == ("unsynchronised", True)
    assert "4.53 times as long by the device's clock" in remark.text
    assert found.why_not(CASE.id, "new") == f"not ranked: {remark.text}"


@pytest.mark.parametrize("events", [True, False], ids=["both-events", "one-events"])
def test_a_case_is_settled_on_the_clock_that_its_ratio_is_read_off(events: bool) -> None:
    """The host's clock differs by half from round to round, the device's not at all."""
    stopping = Stopping("base", 0.02, {"base": "wall", "new": "wall"})
    for n in range(LEAST_ROUNDS):
        (base,) = rounds("base", (1000, 900 if events else None), count=1)
        (new,) = rounds("new", (2000 + 1000 * (n % 2), 1500), count=1)
        stopping.note(replace(base, round=n))
        stopping.note(replace(new, round=n))
    assert stopping.settled(CASE.id) is events


def test_old_records_have_no_device_time_and_read_as_before() -> None:
    (record,) = rounds("new", (90, None), count=1)
    data = record.to_json()
    for block in data["blocks"]:
        del block["device_ns"]
    assert Record.from_json(data) == record
    assert ranking([*rounds("base", (90, None)), record]).times(CASE.id, "new") == {0: 0.7}


def test_records_with_device_time_survive_the_journal_s_form() -> None:
    (record,) = rounds("new", (90, 80), count=1)
    assert Record.from_json(record.to_json()) == record


# -- a whole run ---------------------------------------------------------------------------


def device_backend(name: str, **mode: Any) -> Backend:
    adapter = f"{fake_device.__file__}:DeviceAdapter"
    return Backend(name, name, "fake", adapter, mode, device="cuda")


@pytest.fixture
def devices(plugins: Plugins) -> Plugins:  # noqa: F811
    """Plugins with backends on a fake device: 0.4 ms per call, and twice as long."""
    made = [
        device_backend("device", work_ns=400_000),
        device_backend("device-slow", work_ns=800_000),
        device_backend("eventless", work_ns=400_000, events=False),
        device_backend("hasty", work_ns=100_000, waits=False),
    ]
    plugins.backends.update({b.name: b for b in made})
    return plugins


def ranked(records: list[Record], hello: Mapping[str, Any], *backends: str) -> Ranking:
    meta = {"backends": [{"name": b, "device": "cuda"} for b in backends]}
    return Ranking(tuple(runner_toys.cases("smoke")), settings_of(meta, hello, records), records)


def test_a_run_on_a_device_keeps_all_three_views(devices: Plugins, tmp_path: Path) -> None:
    _, records, _ = run(devices, tmp_path, "device", "device-slow", cases=("toy/product-4",))
    assert {r.outcome for r in records} == {Outcome.OK}
    for record in records:
        work_ns = 800_000 if record.backend == "device-slow" else 400_000
        assert per_call_ns(record.blocks, "device") >= work_ns
        assert all(b.device_ns is not None and b.wall_ns >= b.device_ns for b in record.blocks)
        cold_ns = record.series["cold_ns"]
        assert min(cold_ns) >= work_ns + fake_device.COLD_NS
        assert record.figures["cold_ns"] == median(cold_ns)
        assert record.figures["cold_p10_ns"] <= record.figures["cold_ns"]
        assert record.figures["cold_ns"] <= record.figures["cold_p90_ns"]
    contents = export.read(tmp_path)
    found = ranked(records, contents.environments, "device", "device-slow")
    assert found.settings["device"].clock == "device"
    assert found.remarks("toy/product-4", "device") == ()
    rows = export.tables(contents)
    assert all(row["device_ns"] >= 400_000 for row in rows["records"])
    assert {row["name"] for row in rows["series"]} == {"cold_ns"}


def test_a_device_without_events_is_timed_end_to_end(devices: Plugins, tmp_path: Path) -> None:
    _, records, _ = run(devices, tmp_path, "eventless", cases=("toy/product-4",))
    for record in of(records, "eventless"):
        assert "cold_ns" not in record.series
        assert {b.device_ns for b in record.blocks} == {None}
        assert per_call_ns(record.blocks, "wall") >= 400_000


def test_a_case_for_devices_is_refused_by_a_processor_with_its_reason(
    devices: Plugins, tmp_path: Path
) -> None:
    def cases(preset: str) -> list[Any]:
        return [replace(c, devices=("cuda",)) for c in runner_toys.cases("smoke")]

    devices.suites["toy"] = replace(devices.suites["toy"], cases=cases)
    _, records, _ = run(devices, tmp_path, "honest", "device", cases=("toy/product-4",))
    assert {r.outcome for r in of(records, "device")} == {Outcome.OK}
    assert {(r.outcome, r.reason) for r in of(records, "honest")} == {
        (Outcome.UNSUPPORTED, "asked of cuda only: too large for cpu")}  # fmt: skip


def test_a_run_catches_a_backend_that_never_synchronises(devices: Plugins, tmp_path: Path) -> None:
    _, records, _ = run(devices, tmp_path, "device", "hasty", cases=("toy/product-4",))
    found = ranked(records, export.read(tmp_path).environments, "device", "hasty")
    assert "does not wait for its device" in found.why_not("toy/product-4", "hasty")
    assert found.why_not("toy/product-4", "device") == ""
