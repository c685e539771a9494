"""A process that plays a thousand brands: most answer at once, some late, some never.

`/brand/<n>/<behaviour>` is one brand's endpoint; behaviour is `well`, `slow` (202 after 14 s) or
`silent` (takes the event and says nothing). `GET /report` answers with what arrived, `POST
/forget` empties the list.
"""

import asyncio
import base64
import json
import os
import sys
import time

SLOW = 14.0
ACCEPTED = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Brands:
    """What arrived: [moment, path, jti or the body's first characters]."""

    def __init__(self) -> None:
        self.got: list[list] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request and close."""
        try:
            line = await reader.readuntil(b"\r\n\r\n")
            moment = time.time()
            method, path, _ = line.split(b" ", 2)
            body = await reader.readexactly(_length(line))
            if method == b"GET":
                writer.write(_json(self.got))
            elif path == b"/forget":
                self.got.clear()
                writer.write(ACCEPTED)
            else:
                self.got.append([moment, path.decode(), _name(body)])
                await _behave(path.rpartition(b"/")[2], writer)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


async def _behave(behaviour: bytes, writer: asyncio.StreamWriter) -> None:
    if behaviour == b"silent":
        await asyncio.sleep(60)
        return
    if behaviour == b"slow":
        await asyncio.sleep(SLOW)
    writer.write(ACCEPTED)


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            return int(line[15:])
    return 0


def _name(body: bytes) -> str:
    """Return the jti of a SET, or the body itself where it is none."""
    parts = body.split(b".")
    if len(parts) != 3:
        return body[:64].decode(errors="replace")
    try:
        payload = base64.urlsafe_b64decode(parts[1] + b"=" * (-len(parts[1]) % 4))
        return json.loads(payload)["jti"]
    except (ValueError, KeyError):
        return "unreadable"


def _json(value: object) -> bytes:
    body = json.dumps(value).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (
        len(body), body,
    )  # fmt: skip


async def main() -> None:
    """Print the port, serve until the end of standard input."""
    server = await asyncio.start_server(Brands().serve, "127.0.0.1", 0, backlog=2048)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    os._exit(0)  # without a word about those that are still kept waiting


if __name__ == "__main__":
    asyncio.run(main())
