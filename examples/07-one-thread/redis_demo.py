"""A client of Redis over a connection made of Rust futures. Run it: `python redis_demo.py [port]`.

It speaks RESP, as far as it goes here: https://redis.io/docs/latest/develop/reference/protocol-spec/
"""

import asyncio
import sys
from typing import Any

from one_thread import Connection, open_connection


async def command(connection: Connection, *words: str | int) -> Any:
    """Send one command and return its answer. Raises `RuntimeError` with what Redis objects to."""
    encoded = [str(word).encode() for word in words]
    parts = [b"$%d\r\n%b\r\n" % (len(word), word) for word in encoded]
    await connection.write(b"*%d\r\n%b" % (len(parts), b"".join(parts)))
    return await answer(connection)


async def answer(connection: Connection) -> Any:
    line = (await connection.readline()).removesuffix(b"\r\n")
    kind, rest = line[:1], line[1:]
    if kind == b"-":
        raise RuntimeError(rest.decode())
    if kind == b":":
        return int(rest)
    if kind == b"$":
        size = int(rest)
        return None if size < 0 else (await connection.readexactly(size + 2))[:-2]
    if kind == b"*":
        return [await answer(connection) for _ in range(int(rest))]
    return rest.decode()


async def main(port: int) -> None:
    async with await open_connection("127.0.0.1", port) as connection:
        print("PING", await command(connection, "PING"))
        print("SET", await command(connection, "SET", "chapter", "07"))
        print("GET", await command(connection, "GET", "chapter"))
        print("DEL", await command(connection, "DEL", "chapter"))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 6379))
