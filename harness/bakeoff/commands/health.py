"""`bakeoff doctor`."""

import json
from dataclasses import asdict

import click

from bakeoff import doctor, machine
from bakeoff.commands.display import printable
from bakeoff.commands.options import load_plugins, out_console, plugin_option


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@plugin_option
def doctor_command(as_json: bool, plugin: tuple[str, ...]) -> None:
    """Look at the machine, its BLAS and devices, and which toolkits can be had. Changes nothing."""
    described = machine.describe_machine()
    findings = [
        *doctor.diagnose_machine(described),
        doctor.diagnose_energy(),
        *doctor.diagnose_blas(),
        *doctor.diagnose_devices(
            [
                {**lasting, **now}
                for lasting, now in zip(described["gpus"], described["gpus_now"], strict=False)
            ]
        ),
        *doctor.diagnose_backends(load_plugins(plugin).backends.values()),
    ]
    if as_json:
        click.echo(json.dumps({"machine": described, "findings": [asdict(f) for f in findings]}))
        return
    console = out_console()
    for finding in findings:
        mark = "[green]✓[/]" if finding.good else "[yellow]![/]"
        console.print(
            f"{mark} [bold]{printable(finding.subject)}[/]: {printable(finding.found)}",
            highlight=False,
        )
        if finding.remedy:
            console.print(f"    {printable(finding.remedy)}", highlight=False)
