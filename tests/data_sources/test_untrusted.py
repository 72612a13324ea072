"""Names, archives and XML from outside."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_sources.redaction import clean_mapping, clean_url
from data_sources.untrusted import check_xml, gunzip, inside, safe_name, unzip_member
from heatmat.errors import InputError

NASTY = [
    "../../etc/passwd", "..", ".", "", "/etc/passwd", "C:\\Windows\\x", "a/b", "a\\b", "a\x00b",
    ".hidden", "con", "NUL.txt", "x" * 500, "naïve café.jpg", "\u202egpj.exe", "a\nb", "~root",
    "-rf",
]  # fmt: skip


@pytest.mark.parametrize("name", NASTY)
def test_names_stay_in_their_folder(tmp_path, name):
    path = inside(tmp_path, name)
    assert path.parent == tmp_path and 0 < len(path.name) <= 90
    path.write_text("x")  # it can be written, and lies where it should
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@given(st.text())
def test_any_text_makes_a_plain_name(text):
    name = safe_name(text)
    assert name and Path(name).name == name and not name.startswith((".", "-"))
    assert all(c.isascii() and (c.isalnum() or c in "._-") for c in name)


def test_a_link_does_not_lead_out(tmp_path):
    (tmp_path / "city").mkdir()
    (tmp_path / "city" / "a").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="out of its folder"):
        inside(tmp_path / "city", "a")


def test_gzip_to_a_limit():
    packed = gzip.compress(bytes(1 << 20))
    assert gunzip(packed, 1 << 20) == bytes(1 << 20)
    with pytest.raises(InputError, match="more than the limit"):
        gunzip(packed, (1 << 20) - 1)
    with pytest.raises(InputError, match="cut short"):
        gunzip(packed[:-20], 1 << 21)
    with pytest.raises(InputError, match="not gzip"):
        gunzip(b"plain", 100)


def zipped(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def test_zip_members():
    content = zipped(**{"readme.txt": b"x", "../../evil.epw": b"LOCATION"})
    assert unzip_member(content, ".epw", 100) == ("evil.epw", b"LOCATION")
    with pytest.raises(InputError, match="no .tif"):
        unzip_member(content, ".tif", 100)
    with pytest.raises(InputError, match="more than the limit"):
        unzip_member(zipped(**{"a.epw": bytes(1 << 20)}), ".epw", 1000)
    with pytest.raises(InputError, match="not a readable zip"):
        unzip_member(content[:40], ".epw", 100)
    many = zipped(**{f"{i}.txt": b"" for i in range(1001)})
    with pytest.raises(InputError, match="too many"):
        unzip_member(many, ".epw", 100)


def test_a_zip_that_lies_about_its_size():
    content = bytearray(zipped(**{"a.epw": b"y" * 5000}))
    central = content.index(b"PK\x01\x02")
    content[central + 24 : central + 28] = (10).to_bytes(4, "little")  # "10 bytes, unpacked"
    try:
        _, plain = unzip_member(bytes(content), ".epw", 1000)
    except InputError:
        return  # noticed
    assert len(plain) <= 1000


LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;">]>'
    b"<osm>&b;</osm>"
)


@pytest.mark.parametrize(
    "text",
    [
        LAUGHS,
        LAUGHS.decode().encode("utf-16"),
        b'<!DOCTYPE osm SYSTEM "file:///etc/passwd"><osm/>',
        b"<!-- " + b"x" * 10_000 + b" -->" + LAUGHS[21:],
    ],
)
def test_xml_with_a_document_type_is_refused(tmp_path, text):
    (tmp_path / "a.osm").write_bytes(text)
    with pytest.raises(InputError, match="document type"):
        check_xml(tmp_path / "a.osm")


def test_plain_xml_passes_without_being_read_whole(tmp_path):
    (tmp_path / "a.osm").write_bytes(
        b'<?xml version="1.0"?><osm version="0.6">' + b" " * 9000 + b"<<<"
    )
    assert check_xml(tmp_path / "a.osm") == "osm"


def test_addresses_without_what_is_secret():
    url = "https://me:pw@a.example/x?access_token=abc&q=1&Signature=zz#frag"
    assert clean_url(url) == "https://a.example/x?access_token=***&q=1&Signature=***"
    assert clean_url("https://a.example/t-ken/x", ["t-ken"]) == "https://a.example/***/x"
    found = clean_mapping({"Authorization": "OAuth abc", "n": "has abc in it"}, ["abc"])
    assert found == {"Authorization": "***", "n": "has *** in it"}
