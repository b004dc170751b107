"""The command that installs an iptables rule: a node's side of a cut, put into its network namespace and read back.

Whose packets a node drops is one table of rules, replaced as a whole. `iptables-restore` hands it to the kernel in one
transaction, so there is no moment between the old cut and the new one. The rules look at the sender's address only, not
at connections: what was established before the cut is cut as well.

The namespace belongs to the run (see containers.py), so nobody else's rules are in that table. Docker's own, for
names, are in the table `nat`, which this leaves alone.

Two kinds of iptables exist, for two interfaces of the kernel, and a kernel may have only one of them. The first that
can list rules is used.
"""

from __future__ import annotations

from collections.abc import Sequence

from keelhaul.harness.environments.container_shell import ContainerShell, ShellError

RULE_SECONDS = 5.0
FIND_IPTABLES = """\
for kind in nft legacy none; do iptables-$kind -S >/dev/null 2>&1 && break; done
test $kind != none || iptables-nft -S
"""
"""Leaves `nft` or `legacy` in $kind; if neither works, fails with what the first one says."""


class RulesError(Exception):
    """The rules could not be put in force, or nobody knows whether they are."""


def find_iptables(shell: ContainerShell) -> None:
    """Choose the kind of iptables that works here, for the rest of the shell's life; RulesError if none does."""
    _run(shell, FIND_IPTABLES, "no iptables works in the container")


def drop_from(shell: ContainerShell, addresses: Sequence[str]) -> None:
    """Drop what comes from exactly these addresses; return when the kernel says so. RulesError, ShellError."""
    wanted = [f"-A INPUT -s {address}/32 -j DROP" for address in addresses]
    installed = _run(shell, _restore(wanted), "iptables-restore failed")
    found = [line for line in installed.splitlines() if line.startswith("-A ")]
    if sorted(found) != sorted(wanted):
        raise RulesError(f"the rules in force are {found}, not {wanted}")


def _restore(rules: Sequence[str]) -> str:
    table = ["*filter", ":INPUT ACCEPT [0:0]", ":FORWARD ACCEPT [0:0]", ":OUTPUT ACCEPT [0:0]", *rules, "COMMIT"]
    return "\n".join(["iptables-$kind-restore <<'END' && iptables-$kind -S", *table, "END"])


def _run(shell: ContainerShell, script: str, problem: str) -> str:
    finished = shell.run(script, RULE_SECONDS)
    if finished.status != 0:
        raise RulesError(f"{problem} (status {finished.status}): {finished.output.strip()[:500]}")
    return finished.output


__all__ = ["RULE_SECONDS", "RulesError", "ShellError", "drop_from", "find_iptables"]
