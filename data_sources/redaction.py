"""Addresses and messages without the secrets in them.

Two rules, since either alone leaks: parameters and headers whose *name* is that of a secret lose
their value, and every *value* that was given to a session as a secret is struck out wherever it
turns up (a service may echo it).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, quote_plus, urlencode, urlsplit, urlunsplit

STRUCK = "***"

SECRET_NAMES = frozenset(
    {
        *("access_token", "token", "key", "api_key", "apikey", "api-key", "auth", "authorization"),
        *("client_secret", "secret", "password", "passwd", "signature", "sig", "session"),
        *("x-api-key", "cookie", "set-cookie", "proxy-authorization"),
        *("x-amz-signature", "x-amz-security-token", "x-amz-credential", "oh", "_nc_ohc"),
    }
)
"""Names, in lower case, of query parameters and headers whose value is never written down. The last
two sign the image addresses of Meta's servers."""


@dataclass(frozen=True)
class Secret:
    """A token and how it travels; its own text form does not show it.

    Parameters
    ----------
    value : str
        The token.
    header : str
        Header that carries it; preferred, since addresses end up in the logs of servers.
    prefix : str
        What stands before the token in the header, such as ``"OAuth "``.
    param : str
        Query parameter that carries it, where a service takes no header.
    """

    value: str
    header: str = ""
    prefix: str = ""
    param: str = ""

    def __repr__(self) -> str:
        return f"Secret({STRUCK})"


def clean_url(url: str, secrets: Iterable[str] = ()) -> str:
    """The address without user names, passwords, secret parameters and fragments."""
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return clean_text(url, secrets)
    query = [
        (name, STRUCK if name.lower() in SECRET_NAMES else value)
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
    ]
    text = urlunsplit((parts.scheme, host, parts.path, urlencode(query, safe="*,:/|"), ""))
    return clean_text(text, secrets)


def clean_text(text: str, secrets: Iterable[str] = ()) -> str:
    """The text with every given secret struck out, in plain and percent-encoded form."""
    for value in secrets:
        if not value:
            continue
        for form in {value, quote(value), quote(value, safe=""), quote_plus(value)}:
            text = text.replace(form, STRUCK)
    return text


def clean_mapping(values: Mapping[str, str], secrets: Iterable[str] = ()) -> dict[str, str]:
    """Parameters or headers with the values of secret names struck out."""
    known = list(secrets)
    return {
        str(name): STRUCK if str(name).lower() in SECRET_NAMES else clean_text(str(value), known)
        for name, value in values.items()
    }


class LogFilter(logging.Filter):
    """Strikes secrets out of the records of the HTTP library's own log."""

    def __init__(self, secrets: set[str]) -> None:
        super().__init__()
        self.secrets = secrets

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record in place and keep it."""
        record.msg = clean_text(record.getMessage(), tuple(self.secrets))
        record.args = ()
        return True
