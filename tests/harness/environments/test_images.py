"""Which image is used, which base it is built on, and what is said when there is none; against a played engine."""

from __future__ import annotations

import subprocess
import tarfile

import pytest
from docker.errors import APIError, ImageNotFound

from keelhaul.harness.environments import images
from keelhaul.harness.environments.container_engine import EngineError
from keelhaul.harness.environments.environment import SetupError
from keelhaul.harness.environments.images import OWN_BASE, PUBLIC_BASE, ensure_image, read_content, tag_of


class PlayedApi:
    """Knows some images; builds, imports and removes; `builds` are the contexts that it was sent."""

    def __init__(self, *known: str, in_use: str = "", build_error: str = "") -> None:
        self.known = list(known)
        self.in_use = in_use
        self.build_error = build_error
        self.bases: list[str] = []
        self.contexts: list[dict[str, bytes]] = []

    def inspect_image(self, name):
        if name not in self.known:
            raise ImageNotFound("no such image", response=Status(404), explanation="no such image")

    def build(self, *, fileobj, tag, buildargs, dockerfile, **more):
        with tarfile.open(fileobj=fileobj) as archive:
            self.contexts.append({one.name: archive.extractfile(one).read() for one in archive})
        assert dockerfile in self.contexts[-1]
        self.bases.append(buildargs["BASE"])
        yield {"stream": "Step 1/7\n"}
        if self.build_error:
            yield {"error": self.build_error}
        else:
            self.known.append(tag)

    def import_image_from_file(self, path, repository, tag):
        self.known.append(f"{repository}:{tag}")

    def images(self, repository):
        return [{"RepoTags": [name]} for name in self.known if name.startswith(repository)] + [{"RepoTags": None}]

    def remove_image(self, name):
        if name == self.in_use:
            raise APIError("conflict", response=Status(409), explanation="a container uses it")
        self.known.remove(name)


class Status:
    def __init__(self, code: int) -> None:
        self.status_code = code


class PlayedEngine:
    def __init__(self, *known: str, **more: str) -> None:
        self.api = PlayedApi(*known, **more)
        self.client = self


@pytest.fixture(autouse=True)
def surroundings(monkeypatch):
    monkeypatch.delenv(images.BASE_VARIABLE, raising=False)
    monkeypatch.setattr(images, "_pull", lambda image: "no such host")


@pytest.fixture
def bootstraps(monkeypatch):
    """Takes the place of base.sh; returns how often it was run."""
    made = []
    monkeypatch.setattr(images, "_bootstrap", lambda script, out: made.append(script))
    return made


def test_an_image_that_is_there_is_used():
    tag = tag_of(read_content())
    said = []
    engine = PlayedEngine(tag)
    assert ensure_image(engine, said.append) == tag
    assert (said, engine.api.contexts) == ([], [])


def test_any_change_of_what_goes_in_changes_the_tag(monkeypatch):
    content = read_content()
    names = [name for name, _ in content]
    assert names[0] == "docker/node.Dockerfile"
    assert "nodes/host/__main__.py" in names
    assert names[1:] == sorted(names[1:])
    tags = {tag_of(content), tag_of((*content, ("nodes/new.py", b"")))}
    tags.add(tag_of(tuple((name, data + b"#") if name == "nodes/node.py" else (name, data) for name, data in content)))
    tags.add(tag_of(tuple((name + "x", data) for name, data in content)))
    monkeypatch.setenv(images.BASE_VARIABLE, "debian:trixie")
    tags.add(tag_of(content))
    assert len(tags) == 5


def test_what_is_built_is_what_the_tag_stands_for():
    engine = PlayedEngine(PUBLIC_BASE)
    assert ensure_image(engine, lambda _: None) == tag_of(read_content())
    assert engine.api.contexts == [dict(read_content())]
    assert engine.api.bases == [PUBLIC_BASE]


def test_a_base_of_ours_is_not_made_twice(bootstraps):
    engine = PlayedEngine(OWN_BASE)
    ensure_image(engine, lambda _: None)
    assert (engine.api.bases, bootstraps) == ([OWN_BASE], [])


def test_without_a_registry_a_base_is_made_and_told(bootstraps):
    engine = PlayedEngine()
    said = []
    ensure_image(engine, said.append)
    assert engine.api.bases == [OWN_BASE]
    assert [script.name for script in bootstraps] == ["base.sh"]
    assert bootstraps[0].is_file()
    assert said[1] == (
        "No registry gave it (no such host), so a base image is made here with debootstrap, once; half a minute."
    )


def test_a_pulled_base_is_used(monkeypatch, bootstraps):
    monkeypatch.setattr(images, "_pull", lambda image: None)
    engine = PlayedEngine()
    ensure_image(engine, lambda _: None)
    assert (engine.api.bases, bootstraps) == ([PUBLIC_BASE], [])


def test_the_named_base_is_used_or_missed(monkeypatch):
    monkeypatch.setenv(images.BASE_VARIABLE, "ours:1")
    engine = PlayedEngine("ours:1", PUBLIC_BASE)
    ensure_image(engine, lambda _: None)
    assert engine.api.bases == ["ours:1"]
    with pytest.raises(SetupError, match="KEELHAUL_BASE names the image ours:1, which the engine has not got"):
        ensure_image(PlayedEngine(PUBLIC_BASE), lambda _: None)


def test_superseded_images_are_removed_but_for_those_in_use():
    old, used, other = "keelhaul-node:0123456789ab", "keelhaul-node:ba9876543210", "keelhaul-node:mine"
    engine = PlayedEngine(PUBLIC_BASE, old, used, other, in_use=used)
    tag = ensure_image(engine, lambda _: None)
    assert engine.api.known == [PUBLIC_BASE, used, other, tag]


def test_a_failed_build_is_told_with_its_last_lines():
    with pytest.raises(SetupError, match=r"could not be built on debian:bookworm-slim: .*Step 1/7 / no mirror"):
        ensure_image(PlayedEngine(PUBLIC_BASE, build_error="no mirror"), lambda _: None)


def test_without_debootstrap_the_ways_out_are_told(monkeypatch):
    def fail(command, **more):
        return subprocess.CompletedProcess(command, 1, b"", b"base.sh: debootstrap is not installed\n")

    monkeypatch.setattr(images.subprocess, "run", fail)
    with pytest.raises(SetupError, match=r"debootstrap is not installed\. Load debian:bookworm-slim by hand"):
        ensure_image(PlayedEngine(), lambda _: None)


def test_make_images_without_an_engine(monkeypatch, capsys):
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent.sock")
    assert images.main() == 255
    assert capsys.readouterr().err.startswith("keelhaul: Docker: tried unix:///nonexistent.sock: No such file")


def test_an_engine_that_fails_is_no_traceback():
    engine = PlayedEngine()

    def fail(name):
        raise EngineError("look for the image: it is on fire", 500)

    engine.api.inspect_image = fail
    with pytest.raises(SetupError, match="Docker: look for the image: it is on fire"):
        ensure_image(engine, lambda _: None)
