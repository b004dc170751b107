"""What is written in two places says the same in both: packages, commands, systems, environments, bounds."""

from __future__ import annotations

import tomllib
from pathlib import Path

import click

from keelhaul.harness import scenario
from keelhaul.harness.cli import COMMANDS, options
from keelhaul.harness.environments.environment import ENVIRONMENTS
from keelhaul.harness.systems import SYSTEMS
from keelhaul.nodes.mutants import MUTANTS
from keelhaul.nodes.registry import SYSTEMS as NODE_SYSTEMS
from keelhaul.nodes.registry import node_factory
from keelhaul.workloads.registry import WORKLOADS

ROOT = Path(__file__).parents[2]
SETUPTOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]


def packages_below(root, folders):
    """The packages that these folders hold, by the folders that have an __init__.py."""
    found = [path.parent.relative_to(root) for folder in folders for path in (root / folder).rglob("__init__.py")]
    return sorted("keelhaul." + ".".join(folder.parts) for folder in found)


def test_every_package_is_in_the_distribution():
    folders = SETUPTOOLS["package-dir"].values()
    listed = [name for name in SETUPTOOLS["packages"] if name != "keelhaul.docker"]  # files only, no code
    assert packages_below(ROOT, folders) == sorted(listed)


def test_a_package_that_is_not_listed_would_be_found(tmp_path):
    (tmp_path / "nodes" / "paxos").mkdir(parents=True)
    (tmp_path / "nodes" / "__init__.py").touch()
    (tmp_path / "nodes" / "paxos" / "__init__.py").touch()
    assert packages_below(tmp_path, ["nodes"]) == ["keelhaul.nodes", "keelhaul.nodes.paxos"]


def test_every_folder_with_code_is_a_package(sources):
    folders = {source.place.rpartition("/")[0] for source in sources}
    assert sorted("keelhaul." + folder.replace("/", ".") for folder in folders) == packages_below(
        ROOT, ("nodes", "nemesis", "checkers", "workloads", "harness")
    )


def test_typed_packages_say_so():
    data = SETUPTOOLS["package-data"]
    for folder in ("nodes", "nemesis", "checkers", "workloads", "harness"):
        assert "py.typed" in data[f"keelhaul.{folder}"]
        assert (ROOT / folder / "py.typed").is_file()


def test_every_command_is_a_file_of_its_own():
    files = {path.stem for path in (ROOT / "harness" / "cli").glob("*.py")} - {"__init__", "options"}
    assert files == set(COMMANDS)


def test_the_environments_of_the_command_line_are_the_environments():
    assert tuple(ENVIRONMENTS) == options.ENVIRONMENTS


def test_the_command_line_allows_as_many_nodes_as_a_scenario():
    @click.command
    @options.nodes
    def command(nodes):
        return nodes

    (option,) = command.params
    assert (option.type.min, option.type.max) == (1, scenario.NODES_MAX)


def test_systems_are_known_to_the_harness_and_to_the_hosts():
    assert list(SYSTEMS) == list(NODE_SYSTEMS)
    assert all(callable(node_factory(name)) for name in SYSTEMS)
    assert all(system.check(system.options) is not None for system in SYSTEMS.values())


def test_mutants_and_workloads_name_systems_that_exist():
    assert {mutant.system for mutant in MUTANTS.values()} <= set(SYSTEMS)
    assert {system for kind in WORKLOADS.values() for system in kind.systems} <= set(SYSTEMS)


def test_every_scenario_that_comes_along_can_be_read():
    paths = sorted((ROOT / "scenarios").glob("*.toml"))
    assert paths
    for path in paths:
        assert scenario.load(path).name == path.stem
