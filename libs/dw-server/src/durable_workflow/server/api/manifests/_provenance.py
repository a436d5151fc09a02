"""Where the installed server package came from (control-plane 3.3)."""

from __future__ import annotations

from importlib import metadata
from typing import Any, Final

import msgspec

from durable_workflow._wire.json_values import object_or_empty, text_or_none

_DISTRIBUTION: Final = "dw-server"


def package_provenance() -> dict[str, Any]:
    """The source of the installed package, what was asked of it, and the commit where known.

    An installer notes the source of what it does not take from a package index.
    """
    try:
        installed = metadata.distribution(_DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return {"source": "source tree", "ref": None, "commit": None}
    noted = installed.read_text("direct_url.json")
    if noted is None:
        return {"source": "package index", "ref": installed.version, "commit": None}
    origin = object_or_empty(msgspec.json.decode(noted))
    version_control = object_or_empty(origin.get("vcs_info"))
    return {
        "source": text_or_none(origin.get("url")),
        "ref": text_or_none(version_control.get("requested_revision")) or installed.version,
        "commit": text_or_none(version_control.get("commit_id")),
    }
