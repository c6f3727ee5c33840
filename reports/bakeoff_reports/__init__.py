"""The built-in reports: an offline HTML page, the same as PDF, a Markdown summary, and tables.

A run is analysed (pandas), drawn (matplotlib) and rendered (jinja2), in this order and
with plain data between. Importing this package imports none of the three.
"""

from collections.abc import Callable

from bakeoff import hookimpl
from bakeoff.reporting import AdoptionMetric, ReportFormat, ReportSection

_HERE = "bakeoff_reports"

FORMATS = (
    ReportFormat(
        "html", "One offline HTML page", f"{_HERE}.page:write", f"{_HERE}.merged:write_html"
    ),
    ReportFormat("pdf", "The page as PDF, through a Chromium", f"{_HERE}.pdf:write"),
    ReportFormat("png", "The scorecard as one picture", f"{_HERE}.picture:write"),
    ReportFormat(
        "md",
        "Markdown, for a pull request",
        f"{_HERE}.markdown:write",
        f"{_HERE}.merged:write_markdown",
    ),
    ReportFormat("csv", "The page's cells as a table", f"{_HERE}.data:write_csv"),
    ReportFormat("json", "The page's cells and scorecard", f"{_HERE}.data:write_json"),
    ReportFormat("parquet", "The page's cells, with pyarrow", f"{_HERE}.data:write_parquet"),
    ReportFormat("verdicts", "An archive's verdicts, by column", f"{_HERE}.bulk:write"),
)

SECTIONS = (
    ReportSection("museum", "Two decades of toolkits", f"{_HERE}.museum:museum", 5),
    ReportSection("headline", "In short", f"{_HERE}.sections:headline", 10),
    ReportSection("summary", "Scorecard", f"{_HERE}.sections:summary", 20),
    ReportSection("scores", "One number, by your weights", f"{_HERE}.scorecard:score", 22),
    ReportSection("quality", "Time to quality", f"{_HERE}.quality:time_to_quality", 25),
    ReportSection("history", "A history of deep learning", f"{_HERE}.story:history", 27),
    ReportSection("coverage", "Offered, and right", f"{_HERE}.coverage:coverage", 23),
    ReportSection("speeds", "Speed, suite by suite", f"{_HERE}.speeds:speeds", 24),
    ReportSection("pareto", "Error against time", f"{_HERE}.pareto:pareto", 26),
    ReportSection("roofline", "Under the ceilings", f"{_HERE}.roofline:roofline", 28),
    ReportSection("suites", "Every cell, suite by suite", f"{_HERE}.suites:suites", 30),
    ReportSection("trained", "Trained models", f"{_HERE}.trained:trained", 32),
    ReportSection("steps", "Training, step by step", f"{_HERE}.trajectories:trajectories", 34),
    ReportSection("scaling", "Cost against size", f"{_HERE}.scaling:scaling", 35),
    ReportSection("failures", "What did not work", f"{_HERE}.failures:failures", 40),
    ReportSection("adoption", "Adoption", f"{_HERE}.adoption:adoption", 45),
    ReportSection("environment", "Where it ran", f"{_HERE}.setting:environment", 50),
    ReportSection("reproduce", "How to reproduce", f"{_HERE}.setting:reproduce", 60),
    ReportSection("reading", "How to read this page", f"{_HERE}.reading:reading", 70),
)

METRICS = (
    AdoptionMetric(
        "speed", "Speed", "× reference", "lower", f"{_HERE}.metrics:speed_ratio", weight=3.0
    ),
    AdoptionMetric(
        "conformance", "Right", "of cells it ran", "higher", f"{_HERE}.metrics:conformance", 3.0
    ),
    AdoptionMetric(
        "coverage", "Cells covered", "of cells planned", "higher", f"{_HERE}.metrics:coverage", 2.0
    ),
    AdoptionMetric("ops", "Ops covered", "of ops asked", "higher", f"{_HERE}.metrics:op_coverage"),
    AdoptionMetric(
        "error", "Worst error", "of the bound", "lower", f"{_HERE}.metrics:worst_error_fraction"
    ),
    AdoptionMetric("memory", "Peak memory", "bytes", "lower", f"{_HERE}.metrics:peak_memory"),
    AdoptionMetric("first_call", "First call", "ns", "lower", f"{_HERE}.metrics:first_call"),
    AdoptionMetric("import", "Import", "ns", "lower", f"{_HERE}.metrics:import_time"),
    AdoptionMetric("installed", "Installed", "bytes", "lower", f"{_HERE}.metrics:installed_size"),
    AdoptionMetric(
        "quality", "Time to quality", "× reference", "lower", f"{_HERE}.metrics:time_to_quality"
    ),
    # Shown, and weighed if the reader wants it: age is no merit, and youth none either.
    AdoptionMetric(
        "released", "First release", "year", "higher", f"{_HERE}.metrics:released", weight=0.0
    ),
)


@hookimpl
def register_report_formats(register: Callable[[ReportFormat], None]) -> None:
    for item in FORMATS:
        register(item)


@hookimpl
def register_report_sections(register: Callable[[ReportSection], None]) -> None:
    for item in SECTIONS:
        register(item)


@hookimpl
def register_adoption_metrics(register: Callable[[AdoptionMetric], None]) -> None:
    for item in METRICS:
        register(item)
