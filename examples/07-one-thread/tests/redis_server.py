"""A redis-server for a test, where one is installed."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

SERVER = shutil.which("redis-server")


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """A redis-server of the test's own, on a free port."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        free: int = unused.getsockname()[1]
    options = ["--port", str(free), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)]
    with subprocess.Popen([str(SERVER), *options], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout
            for line in server.stdout:
                if "ready to accept connections" in line.lower():
                    break
            yield free
        finally:
            server.kill()  # it has nothing to save, and hears of a signal ten times a second
