"""A certificate for loopback, and the authority that it is from."""

from __future__ import annotations

import ssl
from pathlib import Path

import trustme


def certified(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """Make a certificate for 127.0.0.1, which nobody trusts as yet.

    Returns:
        The context of a server that has it, and a file with its authority, as `SSL_CERT_FILE`
        names one.
    """
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate = authority.issue_cert("127.0.0.1")
    certificate.configure_cert(context)  # pyright: ignore[reportUnknownMemberType]
    file = folder / "authority.pem"
    authority.cert_pem.write_to_path(str(file))
    return context, file
