"""What goes between an event loop and a coroutine, recorded while the loop runs."""

from __future__ import annotations

import asyncio
import types
from collections.abc import Coroutine, Generator
from typing import Any

Messages = list[tuple[str, Any]]


def trace(coroutine: Coroutine[Any, Any, Any]) -> Messages:
    """Run the coroutine on a fresh loop, and return all messages in order. A future that it waits
    for is given by the name of its class.
    """
    messages: Messages = []

    async def main() -> None:
        await recorded(coroutine, messages)

    asyncio.run(main())
    return messages


async def recorded(coroutine: Coroutine[Any, Any, Any], messages: Messages) -> None:
    """Await the coroutine, and add what goes to and fro to `messages`."""
    await pass_on(coroutine, messages)


@types.coroutine
def pass_on(coroutine: Coroutine[Any, Any, Any], messages: Messages) -> Generator[Any, Any, None]:
    value = None
    while True:
        messages.append(("send", value))
        try:
            yielded = coroutine.send(value)
        except StopIteration as end:
            messages.append(("return", end.value))
            return
        except Exception as error:
            messages.append(("raise", error))
            return
        messages.append(("yield", yielded if yielded is None else type(yielded).__name__))
        value = yield yielded
