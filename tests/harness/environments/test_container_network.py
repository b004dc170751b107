"""The table of rules: what is sent to iptables, and that what comes back is believed only if it is what was asked."""

from __future__ import annotations

import pytest

from keelhaul.harness.environments.container_network import RulesError, drop_from, find_iptables
from keelhaul.harness.environments.container_shell import Finished

RULES = """\
-P INPUT ACCEPT
-P FORWARD ACCEPT
-P OUTPUT ACCEPT
"""


class PlayedShell:
    def __init__(self, status: int, output: str) -> None:
        self.finished = Finished(status, output)
        self.scripts: list[str] = []

    def run(self, script: str, timeout_seconds: float) -> Finished:
        self.scripts.append(script)
        return self.finished


def test_the_whole_table_is_replaced_in_one_transaction():
    shell = PlayedShell(0, RULES + "-A INPUT -s 10.0.0.2/32 -j DROP\n-A INPUT -s 10.0.0.3/32 -j DROP\n")
    drop_from(shell, ["10.0.0.2", "10.0.0.3"])
    assert shell.scripts == [
        """\
iptables-$kind-restore <<'END' && iptables-$kind -S
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 10.0.0.2/32 -j DROP
-A INPUT -s 10.0.0.3/32 -j DROP
COMMIT
END"""
    ]


@pytest.mark.parametrize(
    "listed",
    ["", "-A INPUT -s 10.0.0.3/32 -j DROP\n", "-A INPUT -s 10.0.0.2/32 -j DROP\n-A INPUT -s 10.0.0.4/32 -j DROP\n"],
)
def test_rules_that_are_not_those_asked_for_are_told(listed):
    with pytest.raises(RulesError, match="the rules in force are"):
        drop_from(PlayedShell(0, RULES + listed), ["10.0.0.2"])


def test_a_rule_that_stayed_after_a_heal_is_told():
    with pytest.raises(RulesError, match="the rules in force are"):
        drop_from(PlayedShell(0, RULES + "-A INPUT -s 10.0.0.2/32 -j DROP\n"), [])


def test_what_iptables_said_is_told():
    with pytest.raises(RulesError, match=r"iptables-restore failed \(status 4\): Permission denied"):
        drop_from(PlayedShell(4, "Permission denied (you must be root)\n"), ["10.0.0.2"])
    with pytest.raises(RulesError, match="no iptables works"):
        find_iptables(PlayedShell(1, "nope"))
