"""Checks of what a client is configured with."""

import re
from typing import Final
from urllib.parse import urlsplit

# Visible ASCII, and spaces between: what every server and proxy passes on unchanged.
_HEADER_VALUE: Final = re.compile(r"([!-~]([ -~]*[!-~])?)?")


def require_header_value(setting: str, value: str | None) -> None:
    """Check that a header can carry a value.

    httpx checks too, but its message holds the whole value, and a token must not get into a log.

    Raises:
        ValueError: It cannot. The text names the setting, and not the value.
    """
    if value is not None and _HEADER_VALUE.fullmatch(value) is None:
        raise ValueError(
            f"{setting} has a character that an HTTP header cannot carry, as a line break or a "
            "space at its end, or a letter beyond ASCII"
        )


def origin(base_url: str) -> str:
    """The URL without slashes at its end.

    Raises:
        ValueError: Paths cannot be appended to it.
    """
    if "?" in base_url or "#" in base_url:
        raise ValueError("base_url must not have a query or a fragment")
    if "://" not in base_url:
        raise ValueError("base_url must name a scheme, as http://localhost:8080")
    url = base_url.rstrip("/")
    try:
        parts = urlsplit(url)
        _ = parts.port  # checked only when it is asked for
    except ValueError as error:
        raise ValueError(f"base_url cannot be read: {error}") from error
    if "@" in parts.netloc:
        # httpx would send them in place of the token, and write them into its log.
        raise ValueError("base_url must not hold credentials: give them as a token")
    if parts.scheme.lower() not in {"http", "https"}:
        raise ValueError(f"base_url must begin with http:// or https://, not {parts.scheme}://")
    if not parts.hostname:
        raise ValueError("base_url must name a host, as http://localhost:8080")
    if parts.path.endswith("/api"):
        raise ValueError("base_url must not end in /api: the client adds it")
    return url
