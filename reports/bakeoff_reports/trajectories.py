"""The section of training step by step: who keeps to the oracle, who leaves it, and by which op."""

from bakeoff.blame import culprit, left_at
from bakeoff.case import Case
from bakeoff.record import Record
from bakeoff_reports import style, words
from bakeoff_reports.analysis import Analysis
from bakeoff_reports.content import (
    Block,
    Cell,
    Column,
    Content,
    Figure,
    Group,
    Heading,
    Row,
    Table,
    paragraph,
    strong,
)
from bakeoff_reports.trajectory import Panel, Path, trajectory

Records = dict[str, Record]  # by backend


def trajectories(analysis: Analysis) -> Content:
    """Show the losses of every training whose steps were compared; nothing if none was."""
    networks: dict[str, dict[str, Records]] = {}
    for case in analysis.run.cases:
        if records := compared(analysis, case):
            networks.setdefault(_network(case), {})[case.id] = records
    if not networks:
        return ()
    blocks: list[Block] = [
        paragraph(
            "From identical weights and on identical batches every backend's loss should be the "
            "oracle's, but for rounding, which training passes on from step to step. How far it "
            "may lead is measured: the float64 training is repeated with inputs perturbed by the "
            "size of a rounding, and the envelope is a multiple of what that leads to. A backend "
            "that leaves it computes something else."
        )
    ]
    for number, (network, trainings) in enumerate(networks.items(), 1):
        blocks += [
            Heading(network, 3, f"steps-{number}"),
            _figure(analysis, network, trainings),
        ]
    return [*blocks, *_departures(analysis, networks)]


def compared(analysis: Analysis, case: Case) -> Records:
    """Return the record of each backend in which a case's steps were compared."""
    found = {}
    for backend in analysis.backends:
        for record in analysis.ranking.records(case.id, backend):
            if record.outcome.measured and record.series.get("loss_envelope"):
                found[backend] = record
                break
    return found


def _network(case: Case) -> str:
    return str(case.tags.get("shape") or case.title or case.name)


def _figure(analysis: Analysis, network: str, trainings: dict[str, Records]) -> Figure:
    panels = [_panel(analysis.cases[case], records) for case, records in trainings.items()]
    left = {p.backend for panel in panels for p in panel.paths if p.left_at is not None}
    return Figure(
        trajectory(panels, style.series(analysis.backends)),
        "How far each backend's loss is from the float64 oracle's, at each step; the scale is "
        "logarithmic. Shaded: the envelope, where rounding may lead. A ring marks the step at "
        "which a backend left it, by its loss or by its parameters.",
        f"Training of {network}, step by step: "
        + (f"{words.listed(sorted(left))} left" if left else "all backends kept to")
        + " the envelope around the oracle's loss.",
    )


def _panel(case: Case, records: Records) -> Panel:
    first = next(iter(records.values()))
    paths = []
    for backend, record in records.items():
        series = record.series
        pairs = zip(series["losses"], series["oracle_losses"], strict=False)
        paths.append(Path(backend, [abs(a - b) for a, b in pairs], left_at(series)))
    tags = [str(case.tags[k]) for k in ("optimizer", "dtype") if k in case.tags]
    batch = [f"batch {case.tags['batch']}"] if "batch" in case.tags else []
    return Panel(", ".join([*tags, *batch]) or case.name, first.series["loss_envelope"], paths)


def _departures(analysis: Analysis, networks: dict[str, dict[str, Records]]) -> list[Block]:
    cells = [
        (analysis.cases[case], backend, record)
        for trainings in networks.values()
        for case, records in trainings.items()
        for backend, record in records.items()
    ]
    left = [(c, b, r, step) for c, b, r in cells if (step := left_at(r.series)) is not None]
    if not left:
        whole = words.count(len(cells), "training")
        return [paragraph(strong("None left the envelope"), f", of {whole}.")]
    return [
        paragraph(
            strong(f"{len(left)} of {words.count(len(cells), 'training')} left the envelope"),
            ". Each such backend was then asked for the ops of the program one by one, on the "
            "numbers of that step, for the gradient as a whole, and for the optimizer by itself. "
            "Named is the first that exceeds its own error bound.",
        ),
        Table(
            caption="Trainings that left the oracle, and what led them away",
            columns=(
                Column("Backend"),
                Column("Training"),
                Column("Left at", "number", "step, of those compared"),
                Column("By"),
                Column("How"),
            ),
            groups=(Group("", tuple(_row(*found) for found in left)),),
            sortable=True,
        ),
    ]


def _row(case: Case, backend: str, record: Record, step: int) -> Row:
    part = culprit(record)
    blamed = (c for c in record.checks or () if part and c.output.startswith(part))
    check = next(blamed, None)
    return (
        Cell(backend, sort=backend),
        Cell(case.name, sort=case.name),
        Cell(f"{step}", f"of {len(record.series['losses'])}", sort=step),
        Cell(part, tone="bad", sort=part)
        if part
        else Cell("no part by itself", tone="none", sort=None),
        Cell(check.reason if check else record.reason.rpartition("; ")[2]),
    )
