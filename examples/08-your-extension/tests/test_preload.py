"""Under `gunicorn --preload`: workers are forked from a process that has used the client."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from server import Server

if sys.platform == "win32":
    pytest.skip("Windows does not fork", allow_module_level=True)


@pytest.fixture
def http_port(server: Server) -> Iterator[int]:
    """The socket listens before gunicorn runs: no request comes too early."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        command = [sys.executable, "-m", "gunicorn", "--preload", "--workers", "2"]
        command += ["--bind", f"fd://{listening.fileno()}", "preload_app"]
        environment = {**os.environ, "SERVER_PORT": str(server.port)}
        gunicorn = subprocess.Popen(
            command,
            cwd=Path(__file__).parent,
            env=environment,
            pass_fds=[listening.fileno()],
        )
        yield listening.getsockname()[1]
        gunicorn.terminate()
        assert gunicorn.wait() == 0


def test_a_worker_has_its_own_runtime_and_clients(http_port: int, server: Server) -> None:
    server.values["fruit"] = "apple"
    with closing(http.client.HTTPConnection("127.0.0.1", http_port)) as connection:
        connection.request("GET", "/")
        is_child, refusal, *answers = connection.getresponse().read().decode().splitlines()
    assert is_child == "True"
    assert "a client" in refusal
    assert answers == ["apple", "apple"]
