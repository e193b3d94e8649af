"""What goes between a driver, the middle man and what it hands over to, for the picture."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from listening import Listener, Message


def handing_over(make: Callable[[Any], Any]) -> list[Message]:
    """Drive what `make` makes of a sleep, and return all messages."""
    messages: list[Message] = []

    class Sleep:
        def __await__(self) -> Any:
            messages.append(("Handoff", "__await__()", "sleep"))
            messages.append(("sleep", "return its iterator", "Handoff"))
            return Listener(messages, "driver", "iterator", asyncio.sleep(0, "slept"))

    handoff = make(Sleep())
    messages.append(("driver", "__await__()", "Handoff"))
    iterator = handoff.__await__()
    messages.append(("Handoff", "return the same iterator", "driver"))
    assert type(iterator) is Listener
    with contextlib.suppress(StopIteration):
        while True:
            iterator.send(None)
    return messages
