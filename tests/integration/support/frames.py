"""Requests whose frame is a lie, as text; and what may come of one.

In a shape | is the end of a line, @ Authorization, # Host, and $ says that a chunked JSON body
follows. Behind it stands a whole request, which must never run.
"""

import json

import pytest

from .paths import SLOWNESS
from .registry import model_path
from .wire import Wire


def frame(server, shape):
    text = (
        shape.replace("|", "\r\n")
        .replace("@", f"Authorization: Bearer {server.token}")
        .replace("#", f"Host: {server.host}:{server.port}")
        .replace("$", "Content-Type: application/json\r\nTransfer-Encoding: chunked")
        .replace("/P", model_path("front"))
    )
    return text.encode("latin-1")


def smuggled(server, name):
    json = "Content-Type: application/json"
    head = Wire(server).head("PUT", model_path(name), json, "Content-Length: 2", f"X-Request-Id: {name}")
    return head + b"{}"


def never_ran(server, name):
    """Neither made what it was to make, nor was a request at all."""
    assert server.get(model_path(name)).status == 404
    assert not [line for line in server.logs if line.get("request_id") == name]


def refuses_whole(server, name, shape, says):
    """`says` is a part of our refusal, or the status of one by libmicrohttpd itself (0.9.75 sends
    its head twice), or None: closed without a word."""
    got = server.raw(frame(server, shape) + smuggled(server, name), timeout=5 * SLOWNESS)
    assert got.closed, got
    if says is None:
        assert not got.data, got
    elif isinstance(says, int):
        assert set(got.statuses) == {says}, got
        assert b"<html>" in got.data, got
    else:
        (status,) = got.statuses
        document = json.loads(got.data.partition(b"\r\n\r\n")[2])
        assert document["status"] == status, got
        assert says in document["detail"], got
    never_ran(server, name)


def shapes(table):
    return pytest.mark.parametrize(("shape", "says"), table.values(), ids=table)
