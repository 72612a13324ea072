"""Guards for what others wrote: file names, archives, XML.

Every name, archive and document that comes from a service or an unknown file goes through here
before it is used.
"""

from __future__ import annotations

import gzip
import io
import ipaddress
import re
import socket
import unicodedata
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any, cast
from xml.parsers import expat

from heatmat.errors import InputError

MAX_NAME = 80
MAX_MEMBERS = 1000
MAX_PROLOGUE = 1 << 20
"""What may stand before the end of a document's first tag [bytes]."""
_RESERVED = re.compile(r"^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?$", re.IGNORECASE)


def safe_name(text: object, default: str = "file") -> str:
    """A file name made of letters, digits, dot, dash and underscore: no folder, no leading dot.

    Parameters
    ----------
    text : object
        Anything; an id or name from outside.
    default : str
        Where nothing usable is left.
    """
    plain = unicodedata.normalize("NFKD", str(text)).encode("ascii", "ignore").decode()
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", plain).lstrip("._-")[:MAX_NAME].rstrip(".")
    if not name or _RESERVED.match(name):
        return f"{default}_{name}" if name else default
    return name


def inside(folder: Path, name: object) -> Path:
    """A path in `folder` for a name from outside; it cannot lead out, by ``..`` or by a link."""
    path = Path(folder) / safe_name(name)
    if path.is_symlink() or not path.resolve().is_relative_to(Path(folder).resolve()):
        raise InputError("the name leads out of its folder", where=str(folder), got=repr(str(name)))
    return path


def is_private_host(name: str) -> bool:
    """Whether a host is this machine or its own network, by its name alone.

    The system's resolver takes 127.1, 0x7f.1 and 2130706433 for addresses as well.
    """
    for read in (ipaddress.ip_address, lambda n: ipaddress.ip_address(socket.inet_aton(n))):
        try:
            return not read(name).is_global
        except (ValueError, OSError):
            continue
    return name == "localhost" or name.endswith(".localhost")


def gunzip(content: bytes, max_bytes: int, where: str = "") -> bytes:
    """Unpack gzip bytes, no further than the limit.

    Raises
    ------
    InputError
        When it unpacks to more, is cut short or is no gzip.
    """
    machine = zlib.decompressobj(31)
    try:
        plain = machine.decompress(content, max_bytes + 1)
    except zlib.error as error:
        raise InputError("not gzip data", where=where, got=str(error)) from None
    if len(plain) > max_bytes:
        raise InputError("unpacks to more than the limit", where=where, expected=_mib(max_bytes))
    if not machine.eof:
        raise InputError("the gzip data is cut short", where=where)
    return plain


def unzip_member(
    archive: Path | bytes, suffix: str, max_bytes: int, where: str = ""
) -> tuple[str, bytes]:
    """The first member of a zip archive whose name ends in `suffix`: its bare name, and its bytes.

    The size that the archive states is not believed: reading stops at the limit.

    Raises
    ------
    InputError
        When there is no such member, the archive is damaged, encrypted, or unpacks to too much.
    """
    source: Any = io.BytesIO(archive) if isinstance(archive, bytes) else archive
    where = where or ("" if isinstance(archive, bytes) else str(archive))
    try:
        with zipfile.ZipFile(source) as opened:
            members = opened.infolist()
            if len(members) > MAX_MEMBERS:
                raise InputError("too many members", where=where, got=len(members))
            found = [m for m in members if m.filename.lower().endswith(suffix.lower())]
            # "._x" is what macOS packs beside x.
            found = [m for m in found if not (m.is_dir() or "/._" in f"/{m.filename}")]
            if not found:
                raise InputError(f"no {suffix} in the archive", where=where)
            with opened.open(found[0]) as stream:
                content = stream.read(max_bytes + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise InputError("not a readable zip archive", where=where, got=str(error)) from None
    if len(content) > max_bytes:
        raise InputError("unpacks to more than the limit", where=where, expected=_mib(max_bytes))
    return safe_name(Path(found[0].filename.replace("\\", "/")).name), content


def opened(path: Path) -> IO[bytes]:
    """A file to read from, unpacked as it is read where its name ends in .gz."""
    packed = path.name.lower().endswith(".gz")
    return cast(IO[bytes], gzip.open(path, "rb")) if packed else open(path, "rb")


def check_xml(path: Path) -> str:
    """Refuse XML that declares a document type: entities can expand without end or read files.

    Reads up to the first element only; a document type cannot come later.

    Returns
    -------
    str
        Name of the first element.

    Raises
    ------
    InputError
        On a document type declaration, or where it is not XML at all.
    """
    found: list[str] = []

    def refuse(name: str, *_: object) -> None:
        raise InputError(
            "the XML declares a document type or entities, which are not read",
            where=str(path),
            got=f"<!DOCTYPE {name[:40]}",
            remedy="an OpenStreetMap file has none: fetch it again from a source you trust",
        )

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler = lambda name, _: found.append(name)
    try:
        with opened(path) as stream:
            for _ in range(MAX_PROLOGUE // 4096):
                if found or not (block := stream.read(4096)):
                    break
                parser.Parse(block, False)
    except FileNotFoundError:
        raise InputError("no such file", where=str(path), remedy="check its path") from None
    except (OSError, EOFError, zlib.error) as error:  # of gzip
        raise InputError("not a complete gzip file", where=str(path), got=str(error)) from None
    except expat.ExpatError as error:
        raise InputError("not well-formed XML", where=str(path), got=str(error)) from None
    if not found:
        raise InputError("no element in it", where=str(path), expected="XML")
    return found[0]


def _mib(size: int) -> str:
    return f"at most {size / 2**20:.0f} MiB"
