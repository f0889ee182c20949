"""Tests of the chart: with helm, and with an API server of their own."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from api_server import ApiServer, running
from programs import search_path


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Let `requires` find what the lab has built, too, and only for these tests."""
    before, os.environ["PATH"] = os.environ.get("PATH", os.defpath), search_path()
    try:
        return (yield)
    finally:
        os.environ["PATH"] = before


@pytest.fixture(scope="session")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """An API server with nothing in it but stand-ins for OpenShift's and Prometheus' kinds."""
    folder: Path = tmp_path_factory.mktemp("api")
    with running(folder) as server:
        server.add_stand_ins()
        yield server
