"""Chapter 01's `trace`, in short: the messages between a driver and an awaitable, as data."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any


def trace(awaitable: Awaitable[Any]) -> list[tuple[str, Any]]:
    """Drive `awaitable`, answering each yield with None, and return all messages in order."""
    steps = awaitable.__await__()
    messages: list[tuple[str, Any]] = []
    while True:
        messages.append(("send", None))
        try:
            messages.append(("yield", next(steps)))
        except StopIteration as stop:
            return [*messages, ("return", stop.value)]
        except Exception as error:
            return [*messages, ("raise", error)]
