"""`keelhaul doctor`: what this machine can run, and how to mend what it can't."""

from __future__ import annotations

import click

from keelhaul.harness.cli import options


@click.command
@options.as_json
def command(as_json: bool) -> int:
    """Look for everything that the three environments need."""
    from dataclasses import asdict

    from keelhaul.harness import codec
    from keelhaul.harness.doctor import examine, exit_code

    findings = examine()
    code = exit_code(findings)
    for finding in findings:
        click.echo(f"{'ok     ' if finding.ok else 'missing'}  {finding.name}: {finding.found}", err=as_json)
        if not finding.ok:
            click.echo(f"         {finding.fix}", err=as_json)
    if as_json:
        click.echo(
            codec.encode_line({"ok": code == 0, "findings": [asdict(finding) for finding in findings]}), nl=False
        )
    return code
