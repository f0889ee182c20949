"""The HTTP server of the pods in tests."""

from collections.abc import Iterator
from http.client import HTTPConnection
from threading import Thread

import pytest

from e2e.app.server import Answer, Server


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setenv("NODE_NAME", "node-7")
    monkeypatch.setattr(Answer, "greeting", "good day")
    with Server(("::", 0), Answer) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("host", [pytest.param("127.0.0.1", id="v4"), pytest.param("::1", id="v6")])
@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        pytest.param("/", 200, "good day", id="greeting"),
        pytest.param("/node", 200, "node-7", id="node"),
        pytest.param("/client", 200, None, id="client"),
        pytest.param("/other", 404, "no such page", id="unknown"),
    ],
)
def test_it_answers_over_both_families(
    port: int, host: str, path: str, status: int, text: str | None
) -> None:
    connection = HTTPConnection(host, port, timeout=5)
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    assert (answer.status, body) == (status, f"{text or host}\n")
