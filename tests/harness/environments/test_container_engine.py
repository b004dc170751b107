"""The engine's errors, as people are told of them. What it does is tested in tests/containers."""

from __future__ import annotations

import pytest
from docker.errors import APIError, DockerException
from requests.exceptions import ConnectionError as RequestsConnectionError

from keelhaul.harness.environments import container_engine
from keelhaul.harness.environments.container_engine import EngineError, NoEngine, connect, root_cause, told


def test_a_socket_that_is_not_there(monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent.sock")
    with pytest.raises(NoEngine) as raised:
        connect()
    assert str(raised.value) == (
        "Docker: tried unix:///nonexistent.sock: No such file or directory. "
        "Start the engine (sudo systemctl start docker), or point DOCKER_HOST at one that runs. "
        "`--env simulation` and `--env processes` need no Docker"
    )


def test_a_socket_that_may_not_be_used(monkeypatch):
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.delenv("DOCKER_CONTEXT", raising=False)

    def refuse(_):
        raise PermissionError(13, "Permission denied", "/var/run/docker.sock")

    monkeypatch.setattr(container_engine, "_knock", refuse)
    with pytest.raises(NoEngine) as raised:
        connect()
    assert raised.value.found == "tried unix:///var/run/docker.sock (DOCKER_HOST is not set): Permission denied"
    assert "sudo usermod -aG docker $USER" in raised.value.fix


def test_nobody_at_that_port(monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    with pytest.raises(NoEngine, match=r"tried tcp://127\.0\.0\.1:1: Connection refused"):
        connect()


def test_an_address_that_makes_no_sense(monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "nonsense")
    with pytest.raises(NoEngine, match=r"tried nonsense: .*DOCKER_HOST says which engine is asked"):
        connect()


@pytest.mark.parametrize("problem", [ImportError("No module named 'docker'"), AttributeError("from_env")])
def test_docker_py_is_missing(monkeypatch, problem):
    def missing(_):
        raise problem

    monkeypatch.setattr(container_engine, "import_module", missing)
    with pytest.raises(NoEngine, match=r"pip install 'keelhaul\[docker\]'"):
        connect()


def test_the_innermost_error_is_what_is_told():
    inner = ConnectionResetError(104, "Connection reset by peer")
    assert root_cause(DockerException("a", RequestsConnectionError("Connection aborted.", inner))) is inner
    with pytest.raises(DockerException) as raised:
        _wrap(inner)
    assert root_cause(raised.value) is inner
    circular = DockerException("round")
    circular.args = (circular,)
    assert root_cause(circular) is circular


def _wrap(inner):
    try:
        raise inner
    except OSError as error:
        raise DockerException("wrapped") from error


def test_what_the_engine_refuses_carries_its_status():
    class Response:
        status_code = 409

    def refuse():
        raise APIError("409 Client Error", response=Response(), explanation="it is paused")

    with pytest.raises(EngineError, match="pause n1: it is paused") as raised, told("pause n1"):
        refuse()
    assert raised.value.status == 409
    with told("pause n1", fine=(409,)):
        refuse()
