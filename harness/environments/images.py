"""The node image: made when it is missing, named after what is in it, so that a stale one can never be used.

The tag is a digest of the Dockerfile and of all code under nodes/. Both are found beside this package, so an installed
Keelhaul builds images as a checkout does. The base is a small Debian 12:

1. what KEELHAUL_BASE names, if it is set;
2. else `debian:bookworm-slim` or our own `keelhaul-base:bookworm`, whichever the engine has already;
3. else `debian:bookworm-slim`, pulled;
4. else, where no registry answers, `keelhaul-base:bookworm`, which docker/base.sh makes with debootstrap, once.

`make images` runs this file.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import subprocess
import sys
import tarfile
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import keelhaul.nodes
from keelhaul.harness.environments.container_engine import Engine, EngineError, connect, told
from keelhaul.harness.environments.environment import SetupError

REPOSITORY = "keelhaul-node"
PUBLIC_BASE = "debian:bookworm-slim"
OWN_BASE = "keelhaul-base:bookworm"
BASE_VARIABLE = "KEELHAUL_BASE"
DOCKERFILE = "docker/node.Dockerfile"

PULL_SECONDS = 20
"""How long a registry may say nothing at all before we do without it."""
BUILD_SECONDS = 300
"""How long a build may say nothing at all; it takes 25 s in all where the packages' mirror is near."""
DEBOOTSTRAP_SECONDS = 900

Say = Callable[[str], None]
Content = tuple[tuple[str, bytes], ...]


def ensure_image(engine: Engine, say: Say) -> str:
    """Return the tag of the image for the code as it is now; build it if the engine hasn't got it. SetupError."""
    content = read_content()
    tag = tag_of(content)
    try:
        if not _has(engine, tag):
            base = _base(engine, say)
            say(f"Building {tag} on {base} (half a minute the first time, seconds after a change of nodes/).")
            _build(engine, tag, base, content)
            _remove_superseded(engine, tag, say)
    except EngineError as error:
        raise SetupError(f"Docker: {error}") from None
    return tag


def read_content() -> Content:
    """Read all of our own that goes into a build: names and bytes, in one order everywhere."""
    folder = _folder()
    try:
        recipe = (folder / DOCKERFILE).read_bytes()
    except OSError as error:
        raise SetupError(f"the image's recipe is missing: {error}. Install Keelhaul again") from None
    code = sorted((path.relative_to(folder).as_posix(), path) for path in (folder / "nodes").rglob("*.py"))
    return ((DOCKERFILE, recipe), *((name, path.read_bytes()) for name, path in code))


def tag_of(content: Content) -> str:
    """Name the image: a digest of all that decides what is in it."""
    digest = hashlib.sha256(os.environ.get(BASE_VARIABLE, "").encode())
    for name, data in content:
        digest.update(f"\0{name}\0{len(data)}\0".encode() + data)
    return f"{REPOSITORY}:{digest.hexdigest()[:12]}"


def has_image(engine: Engine) -> bool:
    """Say whether the image for the code as it is now is there. EngineError."""
    return _has(engine, tag_of(read_content()))


def available_base(engine: Engine) -> str | None:
    """Return the base image that would be used without fetching or making one; None if there is none. EngineError."""
    named = os.environ.get(BASE_VARIABLE)
    candidates = [named] if named else [PUBLIC_BASE, OWN_BASE]
    return next((base for base in candidates if _has(engine, base)), None)


def _folder() -> Path:
    """Return the folder that holds docker/ and nodes/, in a checkout as well as where Keelhaul is installed."""
    return Path(next(iter(keelhaul.nodes.__path__))).resolve().parent


def _has(engine: Engine, image: str) -> bool:
    try:
        with told(f"look for the image {image}"):
            engine.client.api.inspect_image(image)
    except EngineError as error:
        if error.status == 404:
            return False
        raise
    return True


def _base(engine: Engine, say: Say) -> str:
    found = available_base(engine)
    if found is not None:
        return found
    named = os.environ.get(BASE_VARIABLE)
    wanted = named or PUBLIC_BASE
    say(f"Fetching {wanted}.")
    refusal = _pull(wanted)
    if refusal is None:
        return wanted
    if named:
        raise SetupError(
            f"{BASE_VARIABLE} names the image {named}, which the engine has not got and could not fetch: {refusal}. "
            f"Unset {BASE_VARIABLE}, or name an image that `docker images` lists"
        )
    say(f"No registry gave it ({refusal}), so a base image is made here with debootstrap, once; half a minute.")
    _make_base(engine, say)
    return OWN_BASE


def _pull(image: str) -> str | None:
    """Fetch an image; return what the registry or the engine said if that failed."""
    engine = connect(PULL_SECONDS)
    repository, _, tag = image.partition(":")
    try:
        with told(f"pull {image}"):
            for line in engine.client.api.pull(repository, tag=tag or "latest", stream=True, decode=True):
                if "error" in line:
                    return str(line["error"])
    except EngineError as error:
        return str(error)
    finally:
        engine.close()
    return None


def _make_base(engine: Engine, say: Say) -> None:
    script = _folder() / "docker" / "base.sh"
    with NamedTemporaryFile(suffix=".tar") as archive:
        _bootstrap(script, archive.fileno())
        with told(f"import {OWN_BASE}"):
            repository, tag = OWN_BASE.split(":")
            answer = engine.client.api.import_image_from_file(archive.name, repository=repository, tag=tag)
    if not _has(engine, OWN_BASE):
        raise SetupError(f"Docker: the import of {OWN_BASE} failed: {answer!s:.500}")
    say(f"Made {OWN_BASE}.")


def _bootstrap(script: Path, out: int) -> None:
    """Let base.sh write its archive; what it tells goes into the error if it fails."""
    try:
        done = subprocess.run(
            ["sh", str(script)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.PIPE,
            timeout=DEBOOTSTRAP_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _no_base(str(error)) from None
    if done.returncode != 0:
        raise _no_base(" / ".join(done.stderr.decode(errors="replace").strip().splitlines()[-3:]))


def _no_base(said: str) -> SetupError:
    return SetupError(
        f"no base image: {PUBLIC_BASE} could not be fetched, and docker/base.sh could not make one: {said}. "
        f"Load {PUBLIC_BASE} by hand (docker load), or set {BASE_VARIABLE} to a Debian or Ubuntu image that "
        "`docker images` lists, or run `make images` once as root with debootstrap installed"
    )


def _build(engine: Engine, tag: str, base: str, content: Content) -> None:
    log: deque[str] = deque(maxlen=12)
    try:
        with told(f"build {tag}"):
            for line in _build_lines(engine, tag, base, content):
                log.append(str(line.get("error") or line.get("stream") or "").strip())
                if "error" in line:
                    raise EngineError("the builder broke off")
    except EngineError as error:
        said = " / ".join(filter(None, log))
        raise SetupError(
            f"Docker: the image {tag} could not be built on {base}: {error}: {said}. "
            f"It needs a mirror of Debian's packages; set {BASE_VARIABLE} to a base that reaches one"
        ) from None


def _build_lines(engine: Engine, tag: str, base: str, content: Content) -> Iterator[dict[str, Any]]:
    lines: Iterator[dict[str, Any]] = engine.client.api.build(
        fileobj=_archive(content),
        custom_context=True,
        dockerfile=DOCKERFILE,
        tag=tag,
        buildargs={"BASE": base, **_proxies()},
        rm=True,
        forcerm=True,
        timeout=BUILD_SECONDS,
        decode=True,
    )
    return lines


def _archive(content: Content) -> io.BytesIO:
    """Pack the build's context; without times and owners, so that the builder's cache knows the same content again."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, data in content:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    packed.seek(0)
    return packed


def _proxies() -> dict[str, str]:
    """Hand proxies on: the builder takes these arguments without being told of them in the Dockerfile."""
    names = ("http_proxy", "https_proxy", "no_proxy")
    return {name: value for name in names if (value := os.environ.get(name) or os.environ.get(name.upper()))}


def _remove_superseded(engine: Engine, current: str, say: Say) -> None:
    """Remove the images of older code; the engine keeps those that a container uses, and so do we."""
    for image in _tags(engine):
        if image != current and re.fullmatch(rf"{REPOSITORY}:[0-9a-f]{{12}}", image):
            try:
                with told(f"remove {image}"):
                    engine.client.api.remove_image(image)
            except EngineError:
                continue
            say(f"Removed {image}, which nothing uses any more.")


def _tags(engine: Engine) -> list[str]:
    with told("list the images"):
        return sorted(tag for image in engine.client.api.images(REPOSITORY) for tag in image.get("RepoTags") or [])


def main() -> int:
    """Make the image that is missing; for `make images`. Returns the exit code, 0 or 255."""
    try:
        engine = connect()
        try:
            tag = ensure_image(engine, print)
        finally:
            engine.close()
    except (SetupError, EngineError) as error:
        print(f"keelhaul: {error}", file=sys.stderr)
        return 255
    print(f"Ready: {tag}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
