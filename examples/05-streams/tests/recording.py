"""What goes between an event loop, a coroutine and the parts of the twin, recorded as it runs."""

from __future__ import annotations

import asyncio
import types
from collections.abc import Coroutine, Generator
from typing import Any

Messages = list[tuple[str, Any]]


def trace(coroutine: Coroutine[Any, Any, Any]) -> Messages:
    """Run the coroutine on a fresh loop, and return all messages in order. A future that it waits
    for, and an exception, are given by the name of their class.
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
    verb, value = "send", None
    while True:
        messages.append((verb, shown(value)))
        try:
            yielded = getattr(coroutine, verb)(value)
        except StopIteration as end:
            messages.append(("return", end.value))
            return
        except BaseException as error:
            messages.append(("raise", shown(error)))
            raise
        messages.append(("yield", shown(yielded)))
        try:
            verb, value = "send", (yield yielded)
        except BaseException as error:
            verb, value = "throw", error


def shown(value: Any) -> Any:
    return None if value is None else type(value).__name__
