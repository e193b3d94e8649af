"""The record behind the README's picture: who says what when a hook is awaited."""

from __future__ import annotations

import asyncio
import threading
import types
from collections.abc import Coroutine, Generator
from typing import Any

from server import Server
from your_extension import Client, connect

Message = tuple[str, str, str]


class Listening(Server):
    """Writes down requests and answers. It answers when the coroutine has suspended."""

    def __init__(self, messages: list[Message]) -> None:
        super().__init__()
        self.messages = messages
        self.suspended = threading.Event()

    def answers(self, line: str) -> list[str]:
        answers = super().answers(line)
        if line != "BYE":
            self.suspended.wait()
            self.suspended.clear()
            self.messages.append(("get_or_load", line, "server"))
            self.messages += [("server", answer, "get_or_load") for answer in answers]
        return answers


def hook_awaited() -> list[Message]:
    """Return the messages of `await client.get_or_load("fruit", load)`."""
    messages: list[Message] = []

    async def load(key: str) -> str:
        await asyncio.sleep(0)
        return "apple"

    def recorded_load(key: str) -> Any:
        messages.append(("get_or_load", f"load({key!r})", "load"))
        return recorded("get_or_load", "load", load(key))

    @types.coroutine
    def recorded(caller: str, name: str, coroutine: Any) -> Generator[Any, Any, Any]:
        sent = None
        while True:
            messages.append((caller, f"send({sent!r})", name))
            try:
                yielded = coroutine.send(sent)
            except StopIteration as stop:
                messages.append((name, f"return {stop.value!r}", caller))
                return stop.value
            what = yielded and type(yielded).__name__
            messages.append((name, f"yield {what!r}", caller))
            if what:
                server.suspended.set()
            sent = yield yielded

    async def main() -> None:
        async with connect("127.0.0.1", server.port) as client:
            await recorded("Task", "get_or_load", call(client))

    def call(client: Client) -> Coroutine[Any, Any, str]:
        return client.get_or_load("fruit", recorded_load)

    with Listening(messages) as server:
        asyncio.run(main())
    return messages
