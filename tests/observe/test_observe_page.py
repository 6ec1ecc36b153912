"""The page shows what it was given, to anybody who asks properly, and cannot be held up."""

import http.client
import socket
import threading
from collections.abc import Iterator

import pytest

from edge_inspector.core.errors import EndpointError
from edge_inspector.observe import page as page_module
from edge_inspector.observe.page import MetricsPage
from edge_inspector.observe.snapshot import Family, render


@pytest.fixture
def page() -> Iterator[MetricsPage]:
    with MetricsPage("127.0.0.1", 0) as served:
        thread = threading.Thread(target=served.serve)
        thread.start()
        yield served
        served.stop()
        thread.join(timeout=20)
        assert not thread.is_alive()


def one(number: float, text: str = "x") -> list[Family]:
    """A snapshot of one number."""
    return [Family(name="x", type="gauge", help=text, samples=[("", {}, number)])]


def ask(page: MetricsPage, method: str, path: str) -> tuple[int, http.client.HTTPMessage, bytes]:
    connection = http.client.HTTPConnection(*page.address, timeout=20)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def test_the_newest_page_is_served(page: MetricsPage) -> None:
    page.publish(one(1))
    page.publish(one(2))

    status, headers, content = ask(page, "GET", "/metrics")

    assert (status, content) == (200, render(one(2)))
    assert headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert headers["Content-Length"] == str(len(content))


def test_the_text_is_made_by_who_answers_and_once_for_each_snapshot(
    page: MetricsPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    rendering: list[int] = []
    monkeypatch.setattr(page_module, "render", lambda given: rendering.append(threading.get_ident()) or render(given))
    page.publish(one(1))
    page.publish(one(2))
    assert rendering == []

    first, second = ask(page, "GET", "/metrics"), ask(page, "GET", "/metrics")

    assert first[2] == second[2]
    assert len(rendering) == 1
    assert rendering[0] != threading.get_ident()


def test_a_query_is_ignored(page: MetricsPage) -> None:
    page.publish(one(1))

    assert ask(page, "GET", "/metrics?name[]=x")[0] == 200


def test_head_has_the_headers_alone(page: MetricsPage) -> None:
    page.publish(one(1))

    with socket.create_connection(page.address, timeout=20) as client, client.makefile("rb") as answer:
        client.sendall(b"HEAD /metrics HTTP/1.0\r\n\r\n")
        head, _, content = answer.read().partition(b"\r\n\r\n")

    assert b" 200 " in head
    assert f"Content-Length: {len(render(one(1)))}" in head.decode()
    assert content == b""


def test_before_the_first_numbers_it_says_so(page: MetricsPage) -> None:
    assert ask(page, "GET", "/metrics")[0] == 503


@pytest.mark.parametrize("path", ["/", "/metrics/", "/../etc/passwd", "/metrics/..", "/%6detrics", "/favicon.ico"])
def test_nothing_else_is_there(page: MetricsPage, path: str) -> None:
    page.publish(one(1))

    status, _, content = ask(page, "GET", path)

    assert (status, content) == (404, b"only /metrics is here\n")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_nothing_but_reading_is_possible(page: MetricsPage, method: str) -> None:
    page.publish(one(1))

    assert ask(page, method, "/metrics")[0] == 501


def test_the_answer_does_not_say_which_python_runs_here(page: MetricsPage) -> None:
    assert ask(page, "GET", "/metrics")[1]["Server"] == "edge-inspector"


@pytest.mark.parametrize("start", [b"", b"GET /metrics HTTP/1.1\r\nX: ", b"\x16\x03\x01\x02\x00" * 20, b"A" * 9000])
def test_a_client_that_sends_nonsense_or_nothing_is_cut_off(
    page: MetricsPage, monkeypatch: pytest.MonkeyPatch, start: bytes
) -> None:
    monkeypatch.setattr(page_module, "CLIENT_S", 0.05)
    page.publish(one(1))
    with socket.create_connection(page.address, timeout=20) as slow:
        slow.sendall(start)

        assert ask(page, "GET", "/metrics")[0] == 200  # served although the other came first and is still there
        try:
            while slow.recv(4096):
                pass
        except ConnectionResetError:
            pass  # cut off with its bytes unread


def test_a_client_that_drips_cannot_stay() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"GET /metrics HTTP/1.1\r\n")

        with pytest.raises(TimeoutError):
            page_module._read_head(ours, deadline_s=0.0)  # its whole time is over, however lately it sent


def test_clients_that_leave_do_no_harm(page: MetricsPage) -> None:
    page.publish(one(1, "x" * 3_000_000))
    for _ in range(5):
        with socket.create_connection(page.address, timeout=20) as gone:
            gone.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")

    assert len(ask(page, "GET", "/metrics")[2]) > 3_000_000


def test_a_port_in_use_says_which_and_what_to_do(page: MetricsPage) -> None:
    host, port = page.address

    with pytest.raises(EndpointError, match=rf"{host}:{port}.*in use.*metrics\.port"):
        MetricsPage(host, port)


@pytest.mark.parametrize("host", ["203.0.113.1", "no such host"])
def test_an_address_of_another_machine_is_refused(host: str) -> None:
    with pytest.raises(EndpointError, match="metrics page cannot listen"):
        MetricsPage(host, 0)


def test_stopping_before_serving_is_no_hang() -> None:
    with MetricsPage("127.0.0.1", 0) as page:
        page.stop()

        page.serve()

        assert page.step() is False


def test_a_closed_page_gives_its_port_back() -> None:
    first = MetricsPage("127.0.0.1", 0)
    address = first.address

    first.close()

    MetricsPage(*address).close()
