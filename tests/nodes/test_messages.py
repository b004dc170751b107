"""The wire format: frames, their limits, and what counts as an envelope."""

from __future__ import annotations

import pytest

from keelhaul.nodes import messages
from keelhaul.nodes.messages import FrameCutter, FrameDecoder, FrameError, encode_frame, envelope

ONE = envelope("c1", "n1", {"type": "read", "msg_id": 1})
TWO = envelope("n1", "n2", {"type": "vote", "text": "ü\ud800"}, cluster="c", incarnation=3)


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_envelopes_come_back_however_the_bytes_are_split(size):
    decoder, found = FrameDecoder(), []
    data = encode_frame(ONE) + encode_frame(TWO)
    for start in range(0, len(data), size):
        found += decoder.feed(data[start : start + size])
    assert found == [ONE, TWO]


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_frames_are_cut_without_being_read(size):
    cutter, found = FrameCutter(), []
    data = encode_frame(ONE) + b"\0\0\0\x03???" + encode_frame(TWO)
    for start in range(0, len(data), size):
        found += cutter.feed(data[start : start + size])
    assert found == [encode_frame(ONE), b"\0\0\0\x03???", encode_frame(TWO)]


def test_a_frame_over_the_limit_is_neither_made_nor_taken(monkeypatch):
    monkeypatch.setattr(messages, "FRAME_BYTES_MAX", 60)
    with pytest.raises(FrameError, match="at most 60"):
        encode_frame(envelope("c1", "n1", {"type": "x" * 60}))
    with pytest.raises(FrameError, match="61 bytes is announced; at most 60"):
        FrameCutter().feed(b"\0\0\0\x3d")


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff",
        b"[1]",
        b'{"src":"a","dest":"b"}',
        b'{"src":"a","dest":"b","body":{}}',
        b'{"src":1,"dest":"b","body":{"type":"x"}}',
        b"[" * 5000,
    ],
)
def test_what_is_no_envelope_is_refused(payload):
    with pytest.raises(FrameError):
        FrameDecoder().feed(len(payload).to_bytes(4, "big") + payload)
