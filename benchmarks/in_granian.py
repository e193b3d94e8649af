"""An app whose server is granian: it puts one question to the future that granian gives to apps.

`peers.py` starts it, as `QUESTION=… granian --interface rsgi in_granian:app`, asks for a page, and
hangs up half a second later.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable
from typing import Any

from questions import ACTIONS, tell


class OneRequest:
    """Functions of chapter 04 by the one thing that an app can await as often as it likes."""

    def __init__(self, protocol: Any) -> None:
        self.protocol = protocol

    def sleep(self, delay: float) -> Awaitable[Any]:
        """Until the client hangs up, half a second after its request."""
        hung_up: Awaitable[Any] = self.protocol.client_disconnect()
        return hung_up

    def yield_now(self) -> Awaitable[Any]:
        return self.sleep(0)

    def pending(self) -> Awaitable[Any]:
        return self.sleep(0)


async def app(scope: Any, protocol: Any) -> None:
    tell(await ACTIONS[os.environ["QUESTION"]](OneRequest(protocol)))
