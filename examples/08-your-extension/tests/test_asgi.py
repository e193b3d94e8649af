"""Inside an ASGI app that uvicorn serves."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import closing

import app
import pytest
import uvicorn

from server import Server


@pytest.fixture
def http_port(server: Server) -> Iterator[int]:
    config = uvicorn.Config(app.make(server.port), port=0, lifespan="on", log_config=None)
    web = uvicorn.Server(config)
    thread = threading.Thread(target=web.run)
    thread.start()
    while not web.started:
        assert thread.is_alive()
        threading.Event().wait(0.001)
    yield web.servers[0].sockets[0].getsockname()[1]
    web.should_exit = True
    thread.join()


def get(port: int, path: str) -> str:
    with closing(http.client.HTTPConnection("127.0.0.1", port)) as connection:
        connection.request("GET", path)
        response = connection.getresponse()
        assert response.status == 200
        return response.read().decode()


def test_a_request(http_port: int, server: Server) -> None:
    assert get(http_port, "/values/fruit") == "loaded fruit"
    assert server.values == {"fruit": "loaded fruit"}


def test_a_stream(http_port: int, server: Server) -> None:
    server.values.update({f"fruit.{number}\t": "apple" for number in range(1_000)})
    assert get(http_port, "/keys") == "".join(server.values)


def test_a_task_in_the_background(http_port: int, server: Server) -> None:
    assert get(http_port, "/later/fruit/apple") == "soon"
    server.wait_until(lambda: server.values == {"fruit": "apple"})


def test_a_client_that_goes_away_ends_its_stream(http_port: int, server: Server) -> None:
    """Starlette cancels the step, and closes nothing: the stream closes its connection itself."""
    with server.holding("SCAN"):
        with closing(http.client.HTTPConnection("127.0.0.1", http_port)) as connection:
            connection.request("GET", "/keys")
            server.wait_until(lambda: "SCAN" in server.heard)
            assert server.connections == 2
        server.wait_until(lambda: server.connections == 1)
