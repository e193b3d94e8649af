"""An ASGI app as users of yours write them: a client for as long as it runs, a stream, and a task
in the background.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypedDict

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from your_extension import Client, connect


class State(TypedDict):
    client: Client


def make(port: int) -> Starlette:
    """Return the app, over the server at this port."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[State]:
        async with connect("127.0.0.1", port) as client:
            yield {"client": client}

    routes = [
        Route("/values/{key}", value),
        Route("/keys", keys),
        Route("/later/{key}/{value}", set_later),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


async def value(request: Request) -> Response:
    client: Client = request.state.client
    return PlainTextResponse(await client.get_or_load(request.path_params["key"], load))


async def load(key: str) -> str:
    return f"loaded {key}"


async def keys(request: Request) -> Response:
    client: Client = request.state.client
    stream = request.app.state.stream = client.scan()  # somebody keeps it: a cache, a traceback
    return StreamingResponse(stream)


async def set_later(request: Request) -> Response:
    client: Client = request.state.client
    task = BackgroundTask(client.set, **request.path_params)
    return PlainTextResponse("soon", background=task)
