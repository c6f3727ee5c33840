"""The page tells the three views of a device's time, and of the CPU no such thing."""

from dataclasses import replace
from statistics import median

from report import synthetic

from bakeoff.record import Record
from bakeoff_reports import content, words
from bakeoff_reports.analysis import Analysis, Run, analyse
from bakeoff_reports.cells import rows_of
from bakeoff_reports.device_views import EXPLAINED, device_views
from bakeoff_reports.reading import reading
from bakeoff_reports.setting import environment
from bakeoff_reports.suites import suites


def on_device(run: Run, *backends: str, events: bool = True) -> Run:
    """Return the run with backends moved to a device, by whose clock the first takes half the
    host's time, the second a third, and so on.
    """
    meta = {**run.meta, "backends": [
        {**b, "device": "cuda" if b["name"] in backends else "cpu"} for b in run.meta["backends"]
    ]}  # fmt: skip
    places = {
        k: {**e, "hello": {**e["hello"], "device_events": events and e["backend"] in backends}}
        for k, e in run.environments.items()
    }
    cold = {"cold_ns": 7e6, "cold_p10_ns": 6e6, "cold_p90_ns": 9e6, "device_peak_bytes": 3 * 2**20}

    def moved(record: Record) -> Record:
        if record.backend not in backends:
            return record
        share = 2 + backends.index(record.backend)
        blocks = (replace(b, device_ns=b.wall_ns // share if events else None)
                  for b in record.blocks)  # fmt: skip
        figures = {**record.figures, **(cold if events else {})}
        return replace(record, blocks=tuple(blocks), figures=figures)

    return Run(meta, run.cases, places, tuple(map(moved, run.records)))


def views(analysis: Analysis, case: str) -> list[content.Block]:
    return device_views(analysis, rows_of(analysis.cells[analysis.cells["case"] == case]))


def matmul(run: Run) -> str:
    return next(c.id for c in run.cases if c.suite == "matmul")


def texts(block: content.Block) -> list[list[str]]:
    assert isinstance(block, content.Table)
    return [[str(cell.text) for cell in row] for group in block.groups for row in group.rows]


def test_each_device_has_its_three_views() -> None:
    run = on_device(synthetic.run(("numpy", "torch", "jax"), rounds=3), "torch")
    analysis, case = analyse(run), matmul(run)
    (table,) = views(analysis, case)
    [row] = texts(table)
    wall = median(b.wall_ns / b.loops for r in run.records
                  if (r.case_id, r.backend) == (case, "torch") for b in r.blocks)  # fmt: skip
    assert row[0] == "torch"
    assert row[1] == words.duration(wall)
    assert row[2] == words.duration(wall / 2)
    assert row[3:] == [words.duration(7e6), words.size(3 * 2**20)]
    assert isinstance(table, content.Table)
    assert table.groups[0].rows[0][3].note == f"{words.duration(6e6)} to {words.duration(9e6)}"


def test_a_device_without_events_shows_the_host_s_view_alone() -> None:
    run = on_device(synthetic.run(("numpy", "jax"), rounds=2), "jax", events=False)
    (table,) = views(analyse(run), matmul(run))
    [row] = texts(table)
    assert row[2:] == [words.NONE] * 3


def test_backends_of_the_cpu_have_no_such_table() -> None:
    run = synthetic.run(("numpy", "torch"), rounds=2)
    assert views(analyse(run), matmul(run)) == []


def test_a_device_s_ratio_to_the_cpu_is_end_to_end_and_to_another_device_hot() -> None:
    run = on_device(synthetic.run(("numpy", "torch"), rounds=3), "torch")
    mixed, alone = analyse(run), analyse(on_device(run, "numpy", "torch"))
    case = matmul(run)
    for analysis, clock in ((mixed, "wall"), (alone, "device")):
        cells = analysis.cells.set_index(["case", "backend"])
        own, base = (analysis.ranking.times(case, b, clock=clock)  # type: ignore[arg-type]
                     for b in ("torch", "numpy"))  # fmt: skip
        ratios = sorted(own[r] / base[r] for r in own)
        assert ratios[0] <= cells.loc[(case, "torch"), "ratio"] <= ratios[-1]
        assert cells.loc[(case, "torch"), "time_ns"] == cells.loc[(case, "torch"), "hot_ns"]


def test_the_page_shows_them_and_names_the_clock() -> None:
    run = on_device(synthetic.run(("numpy", "torch"), rounds=2), "torch")
    analysis = analyse(run)
    assert "Views of the device's time per call" in str(suites(analysis))
    assert "the device's events" in str(environment(analysis))
    assert EXPLAINED in str(reading(analysis))
    assert EXPLAINED not in str(reading(analyse(synthetic.run(("numpy", "torch"), rounds=2))))


def test_the_page_says_what_held_a_gpu_back() -> None:
    def with_events(*events: str) -> str:
        run = synthetic.run(("numpy", "torch"), rounds=2)
        session = {"before": {"gpus_now": [{"clock_events": ["idle"]}]},
                   "after": {"gpus_now": [{"clock_events": list(events)}]}}  # fmt: skip
        return str(environment(analyse(replace(run, meta={**run.meta, "sessions": [session]}))))

    assert "held back" not in with_events("idle")
    assert "by software power cap" in with_events("idle", "software power cap")
