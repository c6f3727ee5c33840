"""A standard run of eight backends makes a page that can be sent by mail, with a margin."""

import time
from dataclasses import replace

from report import synthetic

from bakeoff.record import Check
from bakeoff_reports import METRICS, SECTIONS
from bakeoff_reports.analysis import analyse, load
from bakeoff_reports.page import render

MOST_BYTES = 2 * 2**20
BACKENDS = ("numpy", "numpy-plan", "torch", "jax", "theano", "chainer", "mxnet", "caffe")
BLOCKS = 6  # of a cell in a round, and rounds: as runs of the preset standard have them
ROUNDS = 6


def checked(record, case):
    """Give a record a check of every output and gradient, as the examiner does."""
    if not record.checks:
        return record
    [check] = record.checks
    ask = case.program.ask
    outputs = [*case.program.outputs, *(f"grad {n}" for n in ask.get("wrt", ask.get("params", ())))]
    return replace(
        record, checks=tuple(Check(o, "gamma", *(check.error, check.bound, check.fraction), 2.0)
                             for o in outputs),
    )  # fmt: skip


def test_a_standard_run_of_eight_backends_fits(tmp_path, capsys):
    made = synthetic.run(BACKENDS, "standard", rounds=ROUNDS)
    cases = {case.id: case for case in made.cases}
    records = tuple(checked(record, cases[record.case_id]) for record in made.records)
    folder = synthetic.write(replace(made, records=records), tmp_path)
    began = time.process_time()
    analysis = analyse(load(folder), METRICS)
    html = render(analysis, SECTIONS)
    cpu_s = time.process_time() - began
    size = len(html.encode())
    with capsys.disabled():
        print(f"\npage: {len(analysis.cells)} cells, {size:,} bytes, {cpu_s:.1f} s of CPU time")
    assert {len(r.blocks) for r in records if r.blocks} == {BLOCKS}
    assert "section failed" not in html
    assert size <= MOST_BYTES
