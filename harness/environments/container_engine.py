"""The Docker engine, as little of it as the containers need: the only file, beside images.py, that knows docker-py.

Everything here blocks, takes at most its time-out, and fails with EngineError, whatever docker-py, requests or the
socket raised. docker-py takes 0.2 s to import, so that happens in `connect`.

An installed `docker` is asked for by name at run time: a checkout has a folder of that name, which static tools would
take for it.
"""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from keelhaul.harness.environments.container_shell import ContainerShell
from keelhaul.harness.environments.environment import SetupError

CALL_SECONDS = 20
"""An engine that takes longer for one request is as good as none. (It does most within 0.5 s.)"""
KNOCK_SECONDS = 5
VERSION_OF_NO_MATTER = "1.41"
DEFAULT_HOST = "unix:///var/run/docker.sock"
LOG_LIMITS = {"type": "json-file", "config": {"max-size": "20m", "max-file": "2"}}
"""Said outright, because an engine's own default may be a driver whose logs can't be read back."""


class EngineError(Exception):
    """The engine refused, failed or did not answer in time; `status` is its HTTP status, None if it gave none."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class NoEngine(SetupError):
    """No engine can be used here: `found` says what was tried and what came back, `fix` what to do."""

    def __init__(self, found: str, fix: str) -> None:
        super().__init__(f"Docker: {found}. {fix}")
        self.found = found
        self.fix = fix


@dataclass(frozen=True, slots=True)
class Listed:
    """One container as the engine lists it; `state` is created, running, paused, exited, dead or removing."""

    id: str
    name: str
    state: str
    labels: dict[str, str]


def connect(call_seconds: int = CALL_SECONDS) -> Engine:
    """Reach the engine that DOCKER_HOST or the Docker context names, else the local one; NoEngine if it can't be."""
    try:
        docker = import_module("docker")
        from_env = docker.from_env
    except (ImportError, AttributeError):
        raise NoEngine(
            "the Python package `docker` is not installed", "Install it: pip install 'keelhaul[docker]'"
        ) from None
    try:
        _knock(from_env)
        client = from_env(timeout=call_seconds)
    except Exception as error:  # docker-py lets errors of five libraries through here; all mean the same to the user
        raise _no_engine(error) from None
    return Engine(client)


def _knock(from_env: Any) -> None:
    """Connect to the engine's Unix socket, if that is where it is, and hang up: what fails here, fails plainly.

    docker-py would wrap the error in four others, and lose an open socket. A version given means no contact.
    """
    client = from_env(version=VERSION_OF_NO_MATTER)
    try:
        path = getattr(client.api.get_adapter(client.api.base_url), "socket_path", None)
    finally:
        client.close()
    if path is not None:
        with socket.socket(socket.AF_UNIX) as knocking:
            knocking.settimeout(KNOCK_SECONDS)
            try:
                knocking.connect(path)
            except OSError as error:
                raise type(error)(error.errno, error.strerror or str(error), path) from None


class Engine:
    """One connection to an engine that answers; may be used by up to eight threads at once."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def close(self) -> None:
        """Let go of the connection."""
        self.client.close()

    def version(self) -> dict[str, Any]:
        """Return what the engine says of itself: Version, ApiVersion, Os, KernelVersion …"""
        with told("ask for the version"):
            return dict(self.client.version())

    def create_network(self, name: str, labels: Mapping[str, str]) -> None:
        """Make a private bridge; the engine picks a subnet that is free, so that several runs never clash."""
        with told(f"create the network {name}"):
            self.client.api.create_network(name, driver="bridge", labels=dict(labels), check_duplicate=True)

    def create(
        self,
        name: str,
        image: str,
        command: Sequence[str],
        *,
        labels: Mapping[str, str],
        published_port: int | None = None,
        **host: Any,
    ) -> str:
        """Make a container and return its id. `command` replaces the image's entrypoint; `published_port` is
        published on 127.0.0.1 under a port of the engine's choice; `host` goes into docker-py's host config."""
        if published_port is not None:
            host["port_bindings"] = {published_port: ("127.0.0.1", None)}
        with told(f"create the container {name}"):
            made = self.client.api.create_container(
                image,
                list(command[1:]),
                entrypoint=list(command[:1]),
                name=name,
                labels=dict(labels),
                ports=[] if published_port is None else [published_port],
                host_config=self.client.api.create_host_config(log_config=LOG_LIMITS, **host),
            )
            return str(made["Id"])

    def start(self, container: str) -> None:
        """Start a container; one that runs is left alone."""
        with told(f"start {container}"):
            self.client.api.start(container)

    def kill(self, container: str) -> None:
        """End it with SIGKILL, frozen or not, and return when it is dead; a dead one is left alone."""
        try:
            with told(f"kill {container}"):
                self.client.api.kill(container, "SIGKILL")
        except EngineError as error:
            if error.status != 409:  # 409: it doesn't run
                raise
        with told(f"wait for the end of {container}"):
            self.client.api.wait(container, timeout=CALL_SECONDS)

    def pause(self, container: str) -> None:
        """Freeze it; EngineError if it doesn't run or is frozen already."""
        with told(f"pause {container}"):
            self.client.api.pause(container)

    def unpause(self, container: str) -> None:
        """Let it go on; EngineError if it isn't frozen."""
        with told(f"unpause {container}"):
            self.client.api.unpause(container)

    def state(self, container: str) -> str:
        """Return created, running, paused, exited or dead."""
        with told(f"inspect {container}"):
            return str(self.client.api.inspect_container(container)["State"]["Status"])

    def exit_code(self, container: str) -> int | None:
        """Return its exit code (137 after SIGKILL); None while it runs, frozen or not."""
        with told(f"inspect {container}"):
            state = self.client.api.inspect_container(container)["State"]
        return None if state["Status"] in ("running", "paused") else int(state["ExitCode"])

    def addresses(self, container: str, network: str, port: int) -> tuple[str, tuple[str, int]]:
        """Return a running container's address within `network`, and where `port` is published on this machine."""
        with told(f"inspect {container}"):
            found = self.client.api.inspect_container(container)["NetworkSettings"]
        published = (found["Ports"].get(f"{port}/tcp") or [None])[0]
        inside = found["Networks"].get(network, {}).get("IPAddress")
        if not inside or published is None:
            raise EngineError(f"{container} has no address in {network}, or its port {port} is not published")
        return inside, (published["HostIp"], int(published["HostPort"]))

    def shell(self, container: str) -> ContainerShell:
        """Open a shell in a running container, to be kept open; the caller closes it."""
        with told(f"open a shell in {container}"):
            made = self.client.api.exec_create(container, ["/bin/sh"], stdin=True, stdout=True, stderr=True)
            return ContainerShell(self.client.api.exec_start(made["Id"], socket=True))

    def containers(self, label: str) -> list[Listed]:
        """List the containers, dead ones included, that carry `label` (`key` or `key=value`), by name."""
        with told("list the containers"):
            found = self.client.api.containers(all=True, filters={"label": label})
        listed = [Listed(one["Id"], one["Names"][0].lstrip("/"), one["State"], one["Labels"]) for one in found]
        return sorted(listed, key=lambda one: one.name)

    def networks(self, label: str) -> list[tuple[str, dict[str, str]]]:
        """List the names and labels of the networks that carry `label`, by name."""
        with told("list the networks"):
            found = self.client.api.networks(filters={"label": label})
        return sorted(((str(one["Name"]), dict(one["Labels"])) for one in found), key=lambda one: one[0])

    def remove(self, container: str) -> None:
        """Remove it and its anonymous volumes, whatever state it is in; one that is gone is fine."""
        with told(f"remove {container}", fine=(404, 409)):  # 409: its removal is already under way
            self.client.api.remove_container(container, force=True, v=True)

    def remove_network(self, name: str) -> None:
        """Remove a network; one that is gone is fine."""
        with told(f"remove the network {name}", fine=(404,)):
            self.client.api.remove_network(name)

    def log_tail(self, container: str, lines: int) -> str:
        """Return the last lines that a container wrote, dead or alive."""
        with told(f"read the log of {container}"):
            return str(self.client.api.logs(container, tail=lines).decode(errors="replace"))

    def save_log(self, container: str, path: Path) -> None:
        """Write all that a container wrote into `path`."""
        with told(f"read the log of {container}"), path.open("wb") as out:
            for chunk in self.client.api.logs(container, stream=True, follow=False):
                out.write(chunk)

    def save_file(self, container: str, source: str, path: Path, bytes_max: int) -> bool:
        """Copy one file out of a container, dead, frozen or alive. False: there is no such file, or it is larger."""
        try:
            with told(f"read {source} in {container}"), TemporaryFile() as spool:
                chunks, stat = self.client.api.get_archive(container, source)
                if stat["size"] > bytes_max:
                    chunks.close()
                    return False
                for chunk in chunks:
                    spool.write(chunk)
                return _unpack_one(spool, path)
        except EngineError as error:
            if error.status == 404:
                return False
            raise


@contextmanager
def told(what: str, fine: Sequence[int] = ()) -> Iterator[None]:
    """Turn what goes wrong inside into an EngineError that names `what`; HTTP statuses in `fine` are no error."""
    from docker.errors import APIError, DockerException
    from requests.exceptions import RequestException
    from urllib3.exceptions import HTTPError

    try:
        yield
    except APIError as error:
        if error.status_code not in fine:
            raise EngineError(f"{what}: {error.explanation or error}", error.status_code) from None
    except (DockerException, RequestException, HTTPError, OSError) as error:
        raise EngineError(f"{what}: {root_cause(error)}") from None


def root_cause(error: BaseException) -> BaseException:
    """Dig out what the socket said from under the layers that each library wrapped around it."""
    seen = 0
    while seen < 20:
        inner = [found for found in error.args if isinstance(found, BaseException)]
        deeper = inner[0] if inner else (error.__cause__ or error.__context__)
        if deeper is None or (isinstance(error, OSError) and isinstance(error.errno, int)):
            return error
        error, seen = deeper, seen + 1
    return error


def _unpack_one(spool: Any, path: Path) -> bool:
    import tarfile

    spool.seek(0)
    with tarfile.open(fileobj=spool) as archive:
        for member in archive:
            source = archive.extractfile(member)  # None for anything but a file
            if source is not None:
                # Whole or not at all: half a trace would be taken for all that happened.
                partial = path.with_name(path.name + ".partial")
                with source, partial.open("wb") as out:
                    shutil.copyfileobj(source, out)
                partial.replace(path)
                return True
    return False


def _no_engine(error: BaseException) -> NoEngine:
    cause = root_cause(error)
    tried = os.environ.get("DOCKER_HOST") or os.environ.get("DOCKER_CONTEXT") or DEFAULT_HOST
    where = f"tried {tried}{'' if 'DOCKER_HOST' in os.environ else ' (DOCKER_HOST is not set)'}"
    if isinstance(cause, PermissionError):
        fix = (
            "You may not use it: run as root, or join the group docker (sudo usermod -aG docker $USER) and log in again"
        )
    elif isinstance(cause, (FileNotFoundError, ConnectionRefusedError)):
        fix = "Start the engine (sudo systemctl start docker), or point DOCKER_HOST at one that runs"
    else:
        fix = "See whether `docker version` answers; DOCKER_HOST says which engine is asked"
    said = cause.strerror if isinstance(cause, OSError) and cause.strerror else cause
    return NoEngine(f"{where}: {said}", fix + ". `--env simulation` and `--env processes` need no Docker")
