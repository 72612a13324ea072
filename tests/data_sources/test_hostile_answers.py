"""Answers made to break the client: addresses, headers and bodies that no honest server sends."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from data_sources.errors import NetworkError, RefusedError
from data_sources.http import Request, Session
from data_sources.untrusted import check_xml, is_private_host
from data_sources.wire import retry_after
from heatmat.errors import InputError
from tests.data_sources.loopback import Answer, Loopback

HOST = "maps.example"
URL = f"https://{HOST}"


@contextmanager
def dripping(head: bytes, drops: int) -> Iterator[str]:
    """A server of one answer, whose body comes byte by byte; its address."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        line, _ = listening.accept()
        with line:
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            line.recv(65536)
            line.sendall(head)
            try:
                for _ in range(drops):
                    time.sleep(0.01)  # so that the drops arrive one by one
                    line.sendall(b"x")
            except OSError:
                return  # cut off, as it should be

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        listening.close()
        thread.join(5.0)


@pytest.mark.parametrize("status", [b"200 OK", b"404 Not Found"])
def test_a_body_that_comes_byte_by_byte_is_cut_off(tmp_path, status):
    """The limit of time holds within a block, too; of an error's text what came is kept."""
    head = b"HTTP/1.1 " + status + b"\r\nContent-Length: 100\r\n\r\n"
    with dripping(head, 100) as address:
        asked = Session(tmp_path, allow_private=True, retries=0, max_seconds=50.0)
        ticks = iter(range(0, 10**6, 20))  # every look at the clock, 20 s have passed
        asked._wire.clock = lambda: float(next(ticks))
        with pytest.raises(NetworkError) as caught:
            asked.get(address)
    if isinstance(caught.value, RefusedError):
        assert caught.value.status == 404 and 0 < len(caught.value.body) < 100
    else:
        assert "still sending after 50 s" in str(caught.value)


@pytest.mark.parametrize("target", ["http://[bad", "https://" + "a" * 300 + "/", "https://a..b/"])
def test_redirects_to_what_is_no_address(tmp_path, target):
    with Loopback() as net:
        net.on(HOST, "/x", Answer("", 302, headers={"Location": target}))
        with pytest.raises(RefusedError, match="not a web address|no web address"):
            Session(tmp_path, overrides=net.overrides, retries=0).get(URL + "/x")


@pytest.mark.parametrize("url", ["http://[bad", "https://" + "a" * 300 + "/", "//", "https://"])
def test_addresses_in_answers_that_are_none(tmp_path, url):
    """One of many must not end the others: the error stands in the list."""
    (outcome,) = Session(tmp_path, retries=0).get_many([Request(url)])
    assert isinstance(outcome, RefusedError)


@pytest.mark.parametrize("name", ["127.1", "2130706433", "0x7f.0.0.1", "0177.0.0.1", "10.1"])
def test_other_spellings_of_the_own_network(tmp_path, name):
    assert is_private_host(name)
    with pytest.raises(RefusedError, match="own network"):
        Session(tmp_path, retries=0).get(f"http://{name}/x")


def test_public_names_are_not_private():
    assert not any(map(is_private_host, ("8.8.8.8", "134744072", "overpass-api.de", "cafe.fr")))


@pytest.mark.parametrize("text", ["\u00b2", "-5", "1.5", "soon", "", "Mon, 99 Jan 99999 00:00"])
def test_a_retry_after_that_says_nothing(text):
    assert retry_after({"retry-after": text}) is None


def test_xml_whose_first_tag_never_ends(tmp_path):
    """It is given up after a megabyte, however far the file unpacks."""
    path = tmp_path / "bomb.osm.gz"
    path.write_bytes(gzip.compress(b'<osm a="' + bytes([65]) * (8 << 20)))
    with pytest.raises(InputError, match="no element in it"):
        check_xml(path)
