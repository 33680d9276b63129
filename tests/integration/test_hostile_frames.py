"""Numbers 1 to 11 of the hostile inputs: heads that are read in two ways. The connection ends, and
nothing behind them runs."""

import pytest
from support.frames import frame, never_ran, refuses_whole, shapes, smuggled
from support.paths import SLOWNESS
from support.registry import is_problem, model_path
from support.siege import Siege
from support.wire import Wire

HEALTH = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"

ONE_LENGTH = "send one Content-Length or one Transfer-Encoding, not more"
NAME = "a header's name is not a token"
VALUE = "a header's value holds a control character"
CUT = "a header's value holds a NUL, or its line ends without a CR"
FOLDED = "a header goes on in another line"
NUMBER = "Content-Length must be a number of bytes"
CODING = "the only transfer coding understood here is chunked"
HOST = "send exactly one Host header"
NO_HOST = "Host must be a name or an address, and perhaps a port"
ENDS = "a header has no name, or the head's end lacks a CR"


@shapes(
    {
        "length first": ("PUT /P HTTP/1.1|#|@|Content-Length: 4|Transfer-Encoding: chunked||0||", ONE_LENGTH),
        "coding first": ("PUT /P HTTP/1.1|#|@|Transfer-Encoding: chunked|Content-Length: 4||0||", ONE_LENGTH),
        "a length of zero": (
            "PUT /P HTTP/1.1|#|@|Content-Length: 0|Transfer-Encoding: chunked||0||",
            ONE_LENGTH,
        ),
    }
)
def test_n01_content_length_with_transfer_encoding(victim, name, shape, says):
    refuses_whole(victim, name, shape, says)


@shapes(
    {
        "the shorter first": ("PUT /P HTTP/1.1|#|@|Content-Length: 0|Content-Length: 300||", ONE_LENGTH),
        "the longer first": ("PUT /P HTTP/1.1|#|@|Content-Length: 300|Content-Length: 0||", ONE_LENGTH),
    }
)
def test_n02_two_content_lengths(victim, name, shape, says):
    refuses_whole(victim, name, shape, says)


@shapes(
    {
        "GET": ("GET /health HTTP/1.1|#|Content-Length: 0|Content-Length: 0||", ONE_LENGTH),
        "PUT": ("PUT /P HTTP/1.1|#|@|Content-Length: 2|content-length: 2||{}", ONE_LENGTH),
    }
)
def test_n03_the_same_content_length_twice(victim, name, shape, says):
    refuses_whole(victim, name, shape, says)


@shapes(
    {
        "signed": ("PUT /P HTTP/1.1|#|@|Content-Length: +0||", 400),
        "negative": ("PUT /P HTTP/1.1|#|@|Content-Length: -1||", 400),
        "hexadecimal": ("PUT /P HTTP/1.1|#|@|Content-Length: 0x0||", 400),
        "a list": ("PUT /P HTTP/1.1|#|@|Content-Length: 0, 0||", 400),
        "two numbers": ("PUT /P HTTP/1.1|#|@|Content-Length: 0 0||", 400),
        "empty": ("PUT /P HTTP/1.1|#|@|Content-Length:||", 400),
        "2^64": ("PUT /P HTTP/1.1|#|@|Content-Length: 18446744073709551616||", 413),
        "2^64-1": ("PUT /P HTTP/1.1|#|@|Content-Length: 18446744073709551615||", NUMBER),
        "2^63": ("PUT /P HTTP/1.1|#|@|Content-Length: 9223372036854775808||", NUMBER),
        "2^64+2": ("PUT /P HTTP/1.1|#|@|Content-Length: 18446744073709551618||{}", 413),
        "of forty digits": ("PUT /P HTTP/1.1|#|@|Content-Length: " + "9" * 40 + "||", 413),
        "signed three": ("PUT /P HTTP/1.1|#|@|Content-Length: +3||{ }", 400),
        "hexadecimal digits": ("PUT /P HTTP/1.1|#|@|Content-Length: a||{ }", 400),
        "a list of equals": ("PUT /P HTTP/1.1|#|@|Content-Length: 2, 2||{}", 400),
        "a fraction": ("PUT /P HTTP/1.1|#|@|Content-Length: 2.0||{}", 400),
        "an exponent": ("PUT /P HTTP/1.1|#|@|Content-Length: 2e0||{}", 400),
        "quoted": ('PUT /P HTTP/1.1|#|@|Content-Length: "2"||{}', 400),
    }
)
def test_n04_content_lengths_that_are_no_number(victim, name, shape, says):
    refuses_whole(victim, name, shape, says)


@shapes(
    {
        "of a length": ("PUT /P HTTP/1.1|#|@|Content-Length : 3||abc", NAME),
        "of a coding": ("PUT /P HTTP/1.1|#|@|Transfer-Encoding : chunked||0||", NAME),
        "of any field": ("GET /health HTTP/1.1|#|X-A : 1||", NAME),
        "a tab": ("PUT /P HTTP/1.1|#|@|Content-Length\t: 3||abc", NAME),
        "of the host": ("GET /health HTTP/1.1|Host : x||", 400),
    }
)
def test_n05_space_before_the_colon(victim, name, shape, says):
    refuses_whole(victim, name, shape, says)


@shapes(
    {
        "unknown": ("PUT /P HTTP/1.1|#|@|Transfer-Encoding: xchunked||", CODING),
        "identity, chunked": ("PUT /P HTTP/1.1|#|@|Transfer-Encoding: identity, chunked||0||", CODING),
        "chunked, identity": ("PUT /P HTTP/1.1|#|@|Transfer-Encoding: chunked, identity||0||", CODING),
        "gzip, chunked": ("PUT /P HTTP/1.1|#|@|Transfer-Encoding: gzip, chunked||0||", CODING),
        "a parameter": ("PUT /P HTTP/1.1|#|@|Transfer-Encoding: chunked;q=1||0||", CODING),
        "a vertical tab": ("PUT /P HTTP/1.1|#|@|Transfer-Encoding: \x0bchunked||0||", VALUE),
        "empty": ("PUT /P HTTP/1.1|#|@|Transfer-Encoding:||0||", CODING),
        "identity": ("PUT /P HTTP/1.1|#|@|Transfer-Encoding: identity||", CODING),
        "chunked twice": ("PUT /P HTTP/1.1|#|@|Transfer-Encoding: chunked, chunked||0||", CODING),
        "a comma behind": ("PUT /P HTTP/1.1|#|@|Transfer-Encoding: chunked,||0||", CODING),
        "quoted": ('PUT /P HTTP/1.1|#|@|Transfer-Encoding: "chunked"||0||', CODING),
        "two that differ": (
            "PUT /P HTTP/1.1|#|@|Transfer-Encoding: identity|Transfer-Encoding: chunked||0||",
            ONE_LENGTH,
        ),
        "two": ("PUT /P HTTP/1.1|#|@|Transfer-Encoding: chunked|Transfer-Encoding: chunked||0||", ONE_LENGTH),
    }
)
def test_n06_transfer_encodings_but_chunked(victim, name, shape, says):
    refuses_whole(victim, name, shape, says)


@shapes(
    {
        "chunked": (
            "PUT /P HTTP/1.0|#|@|Transfer-Encoding: chunked||0||",
            "only HTTP/1.1 has Transfer-Encoding",
        ),
    }
)
def test_n07_a_transfer_encoding_on_http_1_0(victim, name, shape, says):
    refuses_whole(victim, name, shape, says)


@shapes(
    {
        "any": ("GET /health HTTP/1.1|#|X-A: 1| 2||", FOLDED),
        "with nothing": ("GET /health HTTP/1.1|#|X-A: 1| ||", FOLDED),
        "a length": ("GET /health HTTP/1.1|#|Content-Length:|\t300||", FOLDED),
        "a length's end": ("GET /health HTTP/1.1|#|Content-Length: 0| 300||", FOLDED),
        "a coding": ("PUT /P HTTP/1.1|@|Transfer-Encoding:| chunked|#||0||", FOLDED),
        "a coding's end": ("PUT /P HTTP/1.1|@|Transfer-Encoding: chun| ked|#||0||", FOLDED),
        "another field": ("GET /health HTTP/1.1|X-A: 1|\tContent-Length: 500|#||", FOLDED),
        "the first line": ("GET /health HTTP/1.1| X-A: 1|#||", NAME),
    }
)
def test_n08_headers_that_go_on_in_another_line(victim, name, shape, says):
    refuses_whole(victim, name, shape, says)


@shapes(
    {
        "CR in a value": ("GET /health HTTP/1.1|#|X-A: 1\r2||", VALUE),
        "CR before a length": ("PUT /P HTTP/1.1|#|@|X-A: 1\rContent-Length: 300||", VALUE),
        "LF before a length": ("GET /health HTTP/1.1|#|X-A: 1\nContent-Length: 300||", CUT),
        "LF before a coding": ("PUT /P HTTP/1.1|#|@|X-A: 1\nTransfer-Encoding: chunked||0||", CUT),
        "NUL in a value": ("GET /health HTTP/1.1|#|X-A: 1\0002||", CUT),
        "NUL in a length": ("GET /health HTTP/1.1|Content-Length: 0\0001|#||", CUT),
        "NUL in a host": ("GET /health HTTP/1.1|Host: a\000b||", CUT),
    }
)
def test_n09_bare_cr_lf_and_nul(victim, name, shape, says):
    refuses_whole(victim, name, shape, says)


@shapes(
    {
        "twice": ("GET /health HTTP/1.1|#|X-A: 1\n\n", ENDS),
        "the line": ("GET /health HTTP/1.1|#|X-A: 1\n|", ENDS),
        "the head": ("GET /health HTTP/1.1|#|X-A: 1|\n", ENDS),
        "every line": ("GET /health HTTP/1.0\nX-A: 1\n\n", ENDS),
        "behind a length": ("PUT /P HTTP/1.1|#|@|Content-Length: 2\n\n{}", ENDS),
    }
)
def test_n09_a_bare_lf_ends_the_head(victim, name, shape, says):
    refuses_whole(victim, name, shape, says)


@pytest.mark.parametrize(("end", "seen"), [("\0", 400), ("\0\r\nX-B: 2", 200)])
def test_n09_a_nul_at_the_end_of_a_value_is_dropped(victim, name, end, seen):
    """Except for the last field's, libmicrohttpd hides that one for good. It changes no frame: what
    it ends is read as it would be without it, and a length or a coding it does not make valid or
    invalid."""
    for field, status in (("X-A: 1", seen), ("Content-Length: 0", seen), ("Content-Length: 0x", 400)):
        got = victim.raw(frame(victim, f"GET /health HTTP/1.1|#|Connection: close|{field}{end}||"))
        assert set(got.statuses) == {status}, got
    inner = smuggled(victim, name)
    got = victim.raw(frame(victim, f"PUT /P HTTP/1.1|#|@|Content-Length: {len(inner)}{end}||") + inner, 1)
    assert len(got.statuses) == 1, got
    never_ran(victim, name)


@pytest.mark.parametrize(
    "head",
    [
        b"GET /health HTTP/1.0\r\n\r\n",
        b"GET /health HTTP/1.1\r\nhOsT:x\r\nX-A:\t1 \t\r\nX-B:\r\n\r\n",
        b"\r\nGET /health HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: x\r\nX-Latin: \xe9\r\n\r\n",
    ],
)
def test_n10_what_only_looks_odd_is_served(victim, head):
    with Wire(victim) as wire:
        wire.send(head)
        assert wire.answer().status == 200


@shapes(
    {
        "control byte": ("GET /health HTTP/1.1|#|X-\x01A: 1||", NAME),
        "high byte": ("GET /health HTTP/1.1|#|X-\xe9: 1||", NAME),
        "no name at all": ("GET /health HTTP/1.1|: 1|#||", NAME),
        "no name behind a field": ("GET /health HTTP/1.1|#|: x|", ENDS),
        "neither name nor value": ("GET /health HTTP/1.1|#|:|", ENDS),
        "neither, between bare LFs": ("GET /health HTTP/1.1|#|X-A: 1\n:\n", ENDS),
        "neither, behind a length": ("PUT /P HTTP/1.1|#|@|Content-Length: 2|:|{}", ENDS),
        "no colon": ("GET /health HTTP/1.1|X-A|#||", 400),
        "in a value": ("GET /health HTTP/1.1|#|X-A: 1\x012||", VALUE),
        "in the method": ("G\x01T /health HTTP/1.1|#||", "the method is not a token"),
        "a colon in the method": ("X-A: /health HTTP/1.1|#||", "the method is not a token"),
    }
)
def test_n10_control_bytes_in_names(victim, name, shape, says):
    refuses_whole(victim, name, shape, says)


UNSEEN = ["X-A: 1\n:|", "X-A: 1|:\n"]


@pytest.mark.parametrize("end", UNSEEN, ids=["LF first", "CRLF first"])
def test_n10_a_nameless_end_between_lf_and_crlf_is_an_end(victim, name, end):
    """libmicrohttpd ends the head there and leaves the bytes that an empty line leaves: this one
    shape is not seen (api/admit.h). What stands behind is a request of its own, with no more rights
    than its own fields give it, and no line that others read as a field is read as one."""
    head = frame(victim, "GET /health HTTP/1.1|#|" + end)
    with Wire(victim) as wire:
        wire.send(head + wire.head("GET", model_path(name), token=False))
        assert wire.answer().status == 200
        is_problem(wire.answer(), 401, "unauthenticated")
    for line in ("X-B: 2", "PUT: /x HTTP/1.1", "PUT : /x HTTP/1.1", "Content-Length: 0"):
        got = victim.raw(head + line.encode() + b"\r\n\r\n" + smuggled(victim, name), 5 * SLOWNESS)
        assert got.closed
        assert got.statuses[0] == 200
        assert set(got.statuses[1:]) <= {400}, (line, got)  # lost, when we are reset meanwhile
    never_ran(victim, name)


@pytest.mark.parametrize("end", UNSEEN, ids=["LF first", "CRLF first"])
def test_n10_a_body_behind_a_nameless_end_is_what_its_length_says(victim, name, end):
    inner = smuggled(victim, name)
    head = frame(
        victim, f"PUT /P HTTP/1.1|#|@|Content-Type: application/json|Content-Length: {len(inner)}|{end}"
    )
    with Wire(victim) as wire:
        wire.send(head + inner + HEALTH)
        is_problem(wire.answer(), 400, "invalid-request")
        assert wire.answer().status == 200
    never_ran(victim, name)


@shapes(
    {
        "two": ("GET /health HTTP/1.1|#|#||", HOST),
        "two that differ": ("GET /health HTTP/1.1|#|Host: elsewhere||", HOST),
        "none": ("GET /health HTTP/1.1||", 400),
        "two on HTTP/1.0": ("GET /health HTTP/1.0|#|#||", HOST),
        "two words": ("GET /health HTTP/1.1|Host: a b||", NO_HOST),
        "a list": ("GET /health HTTP/1.1|Host: a, b||", NO_HOST),
        "a path": ("GET /health HTTP/1.1|Host: a/b||", NO_HOST),
        "a user": ("GET /health HTTP/1.1|Host: a@b||", NO_HOST),
        "a query": ("GET /health HTTP/1.1|Host: a?b||", NO_HOST),
        "a port of letters": ("GET /health HTTP/1.1|Host: a:http||", NO_HOST),
        "two ports": ("GET /health HTTP/1.1|Host: a:1:2||", NO_HOST),
        "half an address": ("GET /health HTTP/1.1|Host: [::1||", NO_HOST),
        "no ASCII": ("GET /health HTTP/1.1|Host: \xfc.example||", NO_HOST),
        "two authorizations": (
            "PUT /P HTTP/1.1|#|@|@|Content-Length: 0||",
            "send one Authorization header, not more",
        ),
    }
)
def test_n11_not_exactly_one_host(victim, name, shape, says):
    refuses_whole(victim, name, shape, says)


def test_n11_only_hosts_that_are_served_are_answered(start_hallmark):
    server = start_hallmark(allowed_hosts="127.0.0.1,registry.example,[::1]")
    with Siege(server):
        only_some(server)


def only_some(server):
    for host, good in (
        ("registry.example", True),
        ("REGISTRY.example:8080", True),
        ("[::1]:80", True),
        (f"127.0.0.1:{server.port}", True),
        ("registry.example.evil.example", False),
        ("evil.example", False),
        ("registry", False),
        ("[::2]", False),
        ("127.0.0.1.evil.example", False),
        ("", False),
    ):
        answer = server.get("/health", headers={"Host": host})
        assert answer.status == (200 if good else 421), (host, answer)
        if not good:
            is_problem(answer, 421, "misdirected")
