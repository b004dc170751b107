"""Ask a node of the compose cluster something, by hand: `docker/ask.py 7001 '{"type": "status"}'`.

The port is the one on this machine; the body is a message's body, framed as nodes/messages.py does. Standard library
only.
"""

from __future__ import annotations

import json
import socket
import sys

TIMEOUT_SECONDS = 5


def ask(port: int, body: dict[str, object]) -> str:
    """Send one request to a node on 127.0.0.1, and return the body of its answer."""
    envelope = {"src": "ask", "dest": "", "body": {**body, "msg_id": 1}}
    payload = json.dumps(envelope).encode()
    with socket.create_connection(("127.0.0.1", port), TIMEOUT_SECONDS) as connection:
        connection.sendall(len(payload).to_bytes(4, "big") + payload)
        with connection.makefile("rb") as answers:
            length = int.from_bytes(answers.read(4), "big")
            if not length:
                raise OSError("it hung up without an answer")
            return json.dumps(json.loads(answers.read(length))["body"])


if __name__ == "__main__":
    try:
        print(ask(int(sys.argv[1]), json.loads(sys.argv[2])))
    except (IndexError, ValueError):
        sys.exit(__doc__)
    except OSError as error:
        sys.exit(f"no answer from 127.0.0.1:{sys.argv[1]}: {error}")
