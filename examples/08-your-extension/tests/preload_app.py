"""A WSGI app that is imported before the workers are forked, and has used the client by then."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable
from typing import Any

from your_extension import connect, connect_sync

PORT = int(os.environ["SERVER_PORT"])
PARENT = os.getpid()
parents = connect_sync("127.0.0.1", PORT)
parents.get_sync("parent")


def application(environ: Any, start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    answers = [os.getpid() != PARENT, refusal(), by_coroutine(), without_a_loop()]
    return ["\n".join(map(str, answers)).encode()]


def refusal() -> str:
    """The parent's client is the parent's."""
    try:
        parents.get_sync("child")
    except RuntimeError as error:
        return str(error)
    return "no refusal"


def by_coroutine() -> str | None:
    async def main() -> str | None:
        async with connect("127.0.0.1", PORT) as client:
            return await client.get("fruit")

    return asyncio.run(main())


def without_a_loop() -> str | None:
    return connect_sync("127.0.0.1", PORT).get_sync("fruit")
