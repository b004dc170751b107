"""The wire: length-prefixed JSON frames with Maelstrom's envelope, decoded as untrusted input.

A frame is four bytes of length, big-endian, then that many bytes of UTF-8 JSON: an object with `src`, `dest`, `body`,
and, between nodes, `cluster` and `incarnation` (of the sender). A receiver drops what isn't for its cluster and name
(G7): addresses get reused.
"""

from __future__ import annotations

import json
from typing import Any

from keelhaul.nodes.events import Body

FRAME_BYTES_MAX = 16 * 1024 * 1024
"""Far above a full batch of entries, far below what would hurt a node's memory."""
LENGTH_BYTES = 4

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


class FrameError(ValueError):
    """The bytes are no frame of ours; the connection that sent them is of no further use."""


def encode_frame(envelope: dict[str, Any]) -> bytes:
    """Turn an envelope into a frame; FrameError if it is over `FRAME_BYTES_MAX`."""
    # A client may have sent half of a surrogate pair; JSON readers give it back as it was.
    payload = _encode(envelope).encode("utf-8", "surrogatepass")
    if len(payload) > FRAME_BYTES_MAX:
        raise FrameError(f"a frame of {len(payload)} bytes; at most {FRAME_BYTES_MAX} are allowed")
    return len(payload).to_bytes(LENGTH_BYTES, "big") + payload


def envelope(src: str, dest: str, body: Body, **more: Any) -> dict[str, Any]:
    """Make Maelstrom's envelope; `more` are the extra fields between nodes."""
    return {"src": src, "dest": dest, **more, "body": body}


class FrameCutter:
    """Cuts a stream of bytes into whole frames, head included, unread; holds at most one unfinished frame."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes as they arrive; return the frames that are now whole. FrameError: hang up."""
        self._buffer += data
        found = []
        while (frame := self._cut()) is not None:
            found.append(frame)
        return found

    def _cut(self) -> bytes | None:
        if len(self._buffer) < LENGTH_BYTES:
            return None
        end = LENGTH_BYTES + int.from_bytes(self._buffer[:LENGTH_BYTES], "big")
        if end > LENGTH_BYTES + FRAME_BYTES_MAX:
            raise FrameError(
                f"a frame of {end - LENGTH_BYTES} bytes is announced; at most {FRAME_BYTES_MAX} are allowed"
            )
        if len(self._buffer) < end:
            return None
        frame = bytes(self._buffer[:end])
        del self._buffer[:end]
        return frame


class FrameDecoder:
    """Cuts a stream of bytes into envelopes; holds at most one unfinished frame."""

    def __init__(self) -> None:
        self._cutter = FrameCutter()

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """Take bytes as they arrive; return the envelopes that are now whole. FrameError: hang up."""
        return [_decode(frame[LENGTH_BYTES:]) for frame in self._cutter.feed(data)]


def _decode(frame: bytes) -> dict[str, Any]:
    try:
        found = json.loads(frame)
    except (ValueError, RecursionError) as error:
        raise FrameError(f"not JSON: {error}") from None
    if not (
        isinstance(found, dict)
        and isinstance(found.get("src"), str)
        and isinstance(found.get("dest"), str)
        and isinstance(found.get("body"), dict)
        and isinstance(found["body"].get("type"), str)
    ):
        raise FrameError("an envelope is an object with the strings src and dest and a body that has a type")
    return found
