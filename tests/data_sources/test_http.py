"""The HTTP layer against a server that is slow, busy, broken or hostile."""

from __future__ import annotations

import email.utils
import gzip
import json
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from data_sources.errors import (
    BusyError,
    MalformedError,
    NetworkError,
    OfflineError,
    RefusedError,
    TooLargeError,
)
from data_sources.http import Request, Secret, Session
from tests.data_sources.loopback import Answer, Loopback, gzip_bomb, ranged

HOST = "maps.example"
URL = f"https://{HOST}"
TOKEN = "MLY|42|s3cr3t-t0ken"


@pytest.fixture
def net():
    with Loopback() as server:
        yield server


def session(net: Loopback, folder: Path, **options) -> Session:
    options.setdefault("timeout", (2.0, 2.0))
    return Session(
        folder / "cache", overrides=net.overrides, clock=net.clock, sleep=net.sleep, **options
    )


def all_text(folder: Path) -> str:
    """Names and contents of every file below a folder."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return "".join(str(p.relative_to(folder)) + p.read_text("utf-8", "replace") for p in files)


def test_an_answer_is_kept_with_its_provenance(net, tmp_path):
    net.on(HOST, "/search", Answer([{"lat": "1"}], headers={"ETag": '"7"'}))
    asked = session(net, tmp_path)
    options = {"licence": "ODbL 1.0", "attribution": "(c) somebody"}
    first = asked.get(URL + "/search", {"q": "Lyon"}, **options)
    again = session(net, tmp_path).get(URL + "/search", {"q": "Lyon"}, **options)
    assert first.json() == again.json() == [{"lat": "1"}]
    assert (first.from_cache, again.from_cache, len(net.seen)) == (False, True, 1)
    about = again.provenance
    assert (about.address, about.params, about.etag) == (URL + "/search", {"q": "Lyon"}, '"7"')
    assert (about.licence, about.attribution) == ("ODbL 1.0", "(c) somebody")
    assert about.size == len(first.content) and len(about.sha256) == 64
    assert datetime.fromisoformat(about.date).tzinfo is not None


def test_other_parameters_are_another_answer(net, tmp_path):
    net.on(HOST, "/search", lambda seen: Answer(seen.query))
    asked = session(net, tmp_path)
    assert asked.get_json(URL + "/search", {"q": "a"}) == {"q": "a"}
    assert asked.get_json(URL + "/search", {"q": "b"}) == {"q": "b"}


def test_a_damaged_or_old_answer_is_fetched_again(net, tmp_path):
    net.on(HOST, "/x", Answer("first"), Answer("second"), Answer("third"))
    kept = session(net, tmp_path).get(URL + "/x")
    kept.path.write_bytes(b"wrong")
    assert session(net, tmp_path).get(URL + "/x").text == "second"
    assert session(net, tmp_path).get(URL + "/x", expires=0.0).text == "third"


def test_a_busy_server_is_given_the_time_it_asks_for(net, tmp_path):
    busy = Answer("slow down", 429, headers={"Retry-After": "7"})
    net.on(HOST, "/x", busy, Answer("", 503), Answer("at last"))
    assert session(net, tmp_path).get(URL + "/x").text == "at last"
    waits = [pause for pause in net.slept if pause >= 1.0]
    assert waits == [7.0, 2.0]  # the second by our own rule: doubled with every attempt


def test_retry_after_may_be_a_date(net, tmp_path):
    now = datetime(2026, 7, 1, tzinfo=UTC)  # the server's own clock counts, not ours
    until = email.utils.format_datetime(now + timedelta(seconds=9), usegmt=True)

    stamp = email.utils.format_datetime(now, usegmt=True)
    busy = Answer("", 503, headers={"Retry-After": until, "Date": stamp})
    net.on(HOST, "/x", busy, Answer("done"))
    assert session(net, tmp_path).get(URL + "/x").text == "done"
    assert 9.0 in net.slept


def test_a_server_that_asks_for_too_long_is_left_alone(net, tmp_path):
    net.on(HOST, "/x", Answer("", 429, headers={"Retry-After": "86400"}))
    with pytest.raises(BusyError, match="come back in 86400 s") as caught:
        session(net, tmp_path).get(URL + "/x")
    assert len(net.seen) == 1 and "\n" not in str(caught.value)


def test_it_is_not_asked_for_ever(net, tmp_path):
    net.on(HOST, "/x", Answer("no", 500))
    with pytest.raises(RefusedError, match="answered 500") as caught:
        session(net, tmp_path, retries=3).get(URL + "/x")
    assert len(net.seen) == 4 and caught.value.status == 500


def test_a_refusal_is_not_asked_again(net, tmp_path):
    body = {"error": {"message": "Invalid OAuth access token", "code": 190}}
    net.on(HOST, "/x", Answer(body, 401))
    with pytest.raises(RefusedError, match="Invalid OAuth") as caught:
        session(net, tmp_path).get(URL + "/x")
    assert len(net.seen) == 1 and json.loads(caught.value.body) == body


def test_an_answer_cut_short_is_asked_for_again(net, tmp_path):
    net.on(HOST, "/x", Answer("x" * 5000, cut=100), Answer("x" * 5000))
    assert len(session(net, tmp_path).get(URL + "/x").content) == 5000
    net.on(HOST, "/y", Answer("y" * 5000, cut=100))
    with pytest.raises(NetworkError, match="broke off"):
        session(net, tmp_path, retries=1).get(URL + "/y")
    assert not list((tmp_path / "cache").glob(".part-*"))


def test_a_silent_server(net, tmp_path):
    net.on(HOST, "/x", Answer(hang=True))
    with pytest.raises(NetworkError, match="no answer within 0.05 s"):
        session(net, tmp_path, timeout=(2.0, 0.05), retries=0).get(URL + "/x")


def test_a_dripping_server_is_cut_off(net, tmp_path):
    net.on(HOST, "/x", Answer(b"drop" * 20000, chunked=True, repeat=10))
    asked = session(net, tmp_path, retries=0, max_seconds=50.0)
    ticks = iter(range(0, 10**6, 20))  # every look at the clock, 20 s have passed
    asked._wire.clock = lambda: float(next(ticks))
    with pytest.raises(NetworkError, match="still sending after 50 s"):
        asked.get(URL + "/x")


@pytest.mark.parametrize("chunked", [False, True])
def test_too_large_an_answer(net, tmp_path, chunked):
    net.on(HOST, "/x", Answer(b"x" * 65536, chunked=chunked, repeat=64))
    with pytest.raises(TooLargeError, match="at most 1 MiB"):
        session(net, tmp_path).get(URL + "/x", max_bytes=1 << 20)
    assert len(net.seen) == 1


def test_a_gzip_bomb(net, tmp_path):
    bomb = gzip_bomb(64 << 20)
    assert len(bomb) < 1 << 17
    net.on(HOST, "/x", Answer(bomb, headers={"Content-Encoding": "gzip"}))
    with pytest.raises(TooLargeError):
        session(net, tmp_path).get(URL + "/x", max_bytes=1 << 20)


def test_gzip_is_unpacked_and_half_of_it_is_not_enough(net, tmp_path):
    packed = gzip.compress(b"plain text " * 1000)
    header = {"Content-Encoding": "gzip"}
    net.on(HOST, "/x", Answer(packed, headers=header))
    assert session(net, tmp_path).get(URL + "/x").content == b"plain text " * 1000
    net.on(HOST, "/y", Answer(packed[:40], headers=header))
    with pytest.raises(NetworkError, match="broke off"):
        session(net, tmp_path, retries=0).get(URL + "/y")
    net.on(HOST, "/z", Answer(b"no gzip at all", headers=header))
    with pytest.raises(MalformedError, match="gzip"):
        session(net, tmp_path, retries=0).get(URL + "/z")
    net.on(HOST, "/b", Answer(b"??", headers={"Content-Encoding": "br"}))
    with pytest.raises(MalformedError, match="encoding"):
        session(net, tmp_path).get(URL + "/b")


def test_what_is_no_json_is_not_kept(net, tmp_path):
    net.on(HOST, "/x", Answer("<html>login</html>"), Answer({"fine": 1}))
    asked = session(net, tmp_path)
    with pytest.raises(MalformedError, match="not JSON"):
        asked.get_json(URL + "/x")
    assert asked.get_json(URL + "/x") == {"fine": 1}
    net.on(HOST, "/deep", Answer("[" * 200_000))
    with pytest.raises(MalformedError):
        asked.get_json(URL + "/deep")
    net.on(HOST, "/empty", Answer(""))
    with pytest.raises(MalformedError, match="empty"):
        asked.get_json(URL + "/empty")


def test_another_kind_of_file(net, tmp_path):
    net.on(HOST, "/x", Answer("<html>", kind="text/html; charset=utf-8"))
    with pytest.raises(MalformedError, match="text/html"):
        session(net, tmp_path).get(URL + "/x", accept=("image/",))


def test_offline_says_which_host_and_what_to_do(net, tmp_path):
    net.on(HOST, "/x", Answer("kept"))
    session(net, tmp_path).get(URL + "/x")
    off = session(net, tmp_path, offline=True)
    assert off.get(URL + "/x").text == "kept"
    with pytest.raises(OfflineError) as caught:
        off.get(URL + "/y", remedy="give --osm FILE")
    assert str(caught.value).startswith(f"{HOST}: ") and "--osm FILE" in str(caught.value)
    assert caught.value.exit_code == 2


def test_nobody_listens(net, tmp_path):
    asked = Session(
        tmp_path, overrides={URL: "http://127.0.0.1:9"}, clock=net.clock, sleep=net.sleep
    )
    with pytest.raises(OfflineError, match="cannot be reached .connection refused.") as caught:
        asked.get(URL + "/x")
    assert "127.0.0.1" not in str(caught.value)
    assert sum(net.slept) <= 2.0  # once more, not for half a minute


# --- redirects and tokens ---


def test_a_token_stays_with_its_host(net, tmp_path):
    net.on("other.example", "/image", Answer("picture"))
    net.on(HOST, "/x", Answer("", 302, headers={"Location": "https://other.example/image"}))
    asked = session(net, tmp_path)
    for secret in (
        Secret(TOKEN, header="Authorization", prefix="OAuth "),
        Secret(TOKEN, param="access_token"),
    ):
        net.seen.clear()
        asked.get(URL + "/x", {"n": id(secret)}, secret=secret)
        first, second = net.seen
        assert TOKEN in str(first.headers) + str(first.query)
        assert TOKEN not in str(second.headers) + str(second.query)


def test_a_token_stays_on_a_redirect_within_its_host(net, tmp_path):
    net.on(HOST, "/old", Answer("", 301, headers={"Location": "/new"}))
    net.on(HOST, "/new", Answer("there"))
    secret = Secret(TOKEN, header="Authorization")
    assert session(net, tmp_path).get(URL + "/old", secret=secret).text == "there"
    assert net.seen[1].headers["authorization"] == TOKEN


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("file:///etc/passwd", "not a web address"),
        ("ftp://other.example/x", "not a web address"),
        (f"http://{HOST}/x", "https to http"),
        ("https://127.0.0.1/admin", "own network"),
        ("https://[::1]/admin", "own network"),
        ("https://169.254.169.254/latest/meta-data", "own network"),
        ("https://localhost/admin", "own network"),
        (f"https://other.example/?t={TOKEN}", "token"),
    ],
)
def test_redirects_that_are_not_followed(net, tmp_path, target, said):
    net.on("other.example", "/", Answer("gotcha"))
    net.on(HOST, "/x", Answer("", 302, headers={"Location": target}))
    with pytest.raises(RefusedError, match=said) as caught:
        session(net, tmp_path).get(URL + "/x", secret=Secret(TOKEN, param="access_token"))
    assert len(net.seen) == 1 and TOKEN not in str(caught.value)


def test_redirects_without_end(net, tmp_path):
    net.on(HOST, "/x", Answer("", 302, headers={"Location": "/x"}))
    with pytest.raises(RefusedError, match="without end"):
        session(net, tmp_path).get(URL + "/x")
    assert len(net.seen) < 10


def test_a_token_is_in_no_file_log_or_message(net, tmp_path, caplog):
    echo = {"error": {"message": f"bad token {TOKEN}", "url": "/x?access_token=MLY%7C42%7Cs3"}}
    said: list[str] = []
    net.on(HOST, "/good", Answer({"fine": True}, headers={"ETag": f'"{TOKEN}"'}))
    net.on(HOST, "/bad", Answer(echo, 400))
    net.on(HOST, "/busy", Answer("", 503), Answer("ok"))
    net.on(HOST, "/file", ranged(b"content"))
    secret = Secret(TOKEN, param="access_token")
    with caplog.at_level(logging.DEBUG):
        asked = session(net, tmp_path, log=said.append)
        asked.get(URL + "/good", secret=secret)
        asked.get(URL + "/busy", secret=secret)
        asked.download(URL + "/file", tmp_path / "file.bin", secret=secret)
        with pytest.raises(RefusedError) as caught:
            asked.get(URL + "/bad", secret=secret)
    heard = caplog.text + "".join(record.getMessage() for record in caplog.records)
    everything = all_text(tmp_path) + heard + "".join(said) + str(caught.value)
    everything += repr(secret) + repr(caught.value.body) + repr(Request(URL, secret=secret))
    assert "GET /" in heard  # the library did log its requests
    assert TOKEN not in everything and "MLY%7C42%7Cs3cr3t" not in everything
    assert TOKEN in str(net.seen[0].query)  # and yet it was sent


def test_tokens_of_a_users_own_address_are_not_written_down(net, tmp_path):
    net.on(HOST, "/x", Answer("fine"))
    about = session(net, tmp_path).get(URL + "/x?key=abc123&size=5").provenance
    assert about.address == URL + "/x?key=***&size=5"
    assert "abc123" not in all_text(tmp_path)


# --- ranges and downloads ---


def test_a_range(net, tmp_path):
    net.on(HOST, "/file", ranged(bytes(range(200))))
    answer = session(net, tmp_path).get_range(URL + "/file", 10, 14)
    assert answer.content == bytes([10, 11, 12, 13])
    assert (answer.provenance.byte_range, answer.provenance.whole_size) == ("10-14", 200)


def test_a_server_that_knows_no_ranges(net, tmp_path):
    net.on(HOST, "/file", Answer(bytes(200), kind="image/tiff"))
    with pytest.raises(MalformedError, match="other bytes"):
        session(net, tmp_path).get_range(URL + "/file", 10, 14)


def test_a_remote_file_reads_like_a_local_one(net, tmp_path):
    content = bytes(i % 251 for i in range(10_000))
    net.on(HOST, "/file", ranged(content))
    remote = session(net, tmp_path).open_range(URL + "/file", block=1024)
    remote.seek(-300, 2)
    assert remote.read() == content[-300:]
    remote.seek(1000)
    assert remote.read(2000) == content[1000:3000]
    assert len(net.seen) == 4  # blocks 0, 9, 1 and 2


def test_a_remote_file_that_changes_while_it_is_read(net, tmp_path):
    net.on(HOST, "/file", ranged(bytes(5000), '"a"'), ranged(bytes(5000), '"b"'))
    remote = session(net, tmp_path).open_range(URL + "/file", block=1024)
    with pytest.raises(MalformedError, match="changed"):
        remote.seek(3000)
        remote.read(10)


def _cut(content: bytes, at: int, etag: str = '"v1"') -> Answer:
    return Answer(content, kind="image/tiff", headers={"ETag": etag}, cut=at)


def test_a_broken_download_goes_on_where_it_ended(net, tmp_path):
    content = bytes(i % 251 for i in range(200_000))
    net.on(HOST, "/file", _cut(content, 150_000), ranged(content))
    done = session(net, tmp_path).download(URL + "/file", tmp_path / "dem.tif", licence="CC0")
    assert done.content == content and done.provenance.licence == "CC0"
    rest = net.seen[1].headers["range"]
    assert 0 < int(rest.removeprefix("bytes=").rstrip("-")) <= 150_000
    assert net.seen[1].headers["if-range"] == '"v1"'
    assert {p.name for p in tmp_path.glob("dem*")} == {"dem.tif", "dem.tif.provenance.json"}


def test_an_interrupted_download_goes_on_in_the_next_run(net, tmp_path):
    content = bytes(i % 251 for i in range(200_000))
    net.on(HOST, "/file", _cut(content, 150_000), ranged(content))
    with pytest.raises(NetworkError, match="broke off"):
        session(net, tmp_path, retries=0).download(URL + "/file", tmp_path / "dem.tif")
    assert not (tmp_path / "dem.tif").exists()
    again = session(net, tmp_path).download(URL + "/file", tmp_path / "dem.tif")
    assert again.content == content and "range" in net.seen[1].headers
    third = session(net, tmp_path).download(URL + "/file", tmp_path / "dem.tif")
    assert third.from_cache and len(net.seen) == 2


def test_a_download_of_a_file_that_has_changed_starts_over(net, tmp_path):
    old, new = bytes(200_000), b"new" * 50_000
    net.on(HOST, "/file", _cut(old, 150_000), ranged(new, '"v2"'))
    done = session(net, tmp_path).download(URL + "/file", tmp_path / "dem.tif")
    assert done.content == new and done.provenance.etag == '"v2"'


def test_a_server_that_overlooks_if_range_does_not_mix_two_files(net, tmp_path):
    old, new = bytes(200_000), b"new" * 50_000

    def rest_of_the_new(seen):
        start = int(seen.headers["range"].removeprefix("bytes=").rstrip("-"))
        said = {"ETag": '"v2"', "Content-Range": f"bytes {start}-{len(new) - 1}/{len(new)}"}
        return Answer(new[start:], 206, "image/tiff", said)

    net.on(HOST, "/file", _cut(old, 100_000), rest_of_the_new, ranged(new, '"v2"'))
    done = session(net, tmp_path).download(URL + "/file", tmp_path / "dem.tif")
    assert done.content == new and "range" not in net.seen[2].headers


def test_a_token_that_a_download_echoes_is_struck_out(net, tmp_path):
    net.on(HOST, "/file", lambda seen: Answer("see ?access_token=" + seen.query["access_token"]))
    secret = Secret(TOKEN, param="access_token")
    session(net, tmp_path).download(URL + "/file", tmp_path / "f.txt", secret=secret)
    assert TOKEN not in (tmp_path / "f.txt").read_text()


def test_a_part_longer_than_the_file_starts_over(net, tmp_path):
    net.on(HOST, "/file", ranged(b"short"))
    (tmp_path / "f.part").write_bytes(bytes(100))
    (tmp_path / "f.part.json").write_text(json.dumps({"url": URL + "/file", "etag": '"v1"'}))
    assert session(net, tmp_path).download(URL + "/file", tmp_path / "f").content == b"short"


# --- many at a time ---


def test_many_keep_their_order_and_their_distance(net, tmp_path):
    net.on(HOST, "/n", lambda seen: Answer(seen.query["i"]) if seen.query["i"] != "3" else
           Answer("no", 404))  # fmt: skip
    asked = session(net, tmp_path, min_interval={HOST: 1.0})
    begun, done = net.now, []
    outcomes = asked.get_many(
        [Request(URL + "/n", {"i": i}) for i in range(6)], done=lambda i, _: done.append(i)
    )
    assert isinstance(outcomes[3], RefusedError) and sorted(done) == list(range(6))
    texts = [o.text for o in outcomes if not isinstance(o, NetworkError)]
    assert texts == ["0", "1", "2", "4", "5"]
    assert net.now - begun >= 5.0  # six requests, a second apart
