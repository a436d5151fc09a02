"""Payloads as files below one folder."""

import os
import uuid
from pathlib import Path
from urllib.parse import urlsplit

from durable_workflow.external_storage._keys import object_key


class LocalFilesystemExternalStorage:
    """Keeps payloads as files, for one machine or for a shared file system.

    Attributes:
        root: The resolved folder, made if it was not there.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root).resolve()
        self.root.mkdir(parents=True, exist_ok=True)

    def put(self, data: bytes, *, sha256: str, codec: str) -> str:
        """Store bytes and return their `file://` URI. A file that is there is not rewritten.

        Raises:
            ValueError: The digest is none, the codec cannot be part of a path, or a symbolic link
                leads out of the root.
        """
        path = self.root / object_key(codec, sha256)
        self._check_inside(path.resolve(), path)
        if not path.exists():
            _make_folder(path.parent)
            _write_whole(path, data)
        return path.as_uri()

    def get(self, uri: str) -> bytes:
        """Read the bytes of a URI.

        Raises:
            ValueError: The URI is not of a file below the root.
            FileNotFoundError: There is no such file.
        """
        return self._path(uri).read_bytes()

    def delete(self, uri: str) -> None:
        """Delete the file of a URI; one that is not there is no error.

        Raises:
            ValueError: The URI is not of a file below the root.
        """
        self._path(uri).unlink(missing_ok=True)

    def _path(self, uri: str) -> Path:
        path = path_of_file_uri(uri).resolve()
        self._check_inside(path, uri)
        return path

    def _check_inside(self, resolved: Path, named: object) -> None:
        # After resolving, so that neither `..` nor a symbolic link leads outside.
        if resolved == self.root or not resolved.is_relative_to(self.root):
            raise ValueError(f"external payload is outside of {self.root}: {str(named)!r}")


def path_of_file_uri(uri: str) -> Path:
    """The path in a `file://` URI of this machine.

    Raises:
        ValueError: Another scheme, or another host.
    """
    parts = urlsplit(uri)
    if parts.scheme != "file":
        raise ValueError(f"external payload URI scheme must be 'file': {uri!r}")
    if parts.netloc not in ("", "localhost"):
        raise ValueError(f"external payload URI names another host: {uri!r}")
    # Not imported with the module: it brings the whole HTTP client of the standard library.
    from urllib.request import url2pathname

    return Path(url2pathname(parts.path))


def _make_folder(folder: Path) -> None:
    """Make a folder and those above it, so that they survive a power cut."""
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        _sync_folder(folder.parent)


def _write_whole(path: Path, data: bytes) -> None:
    """Write a file so that it is never seen in part, and survives a power cut once returned."""
    temporary = path.with_name(f".{path.name[:8]}-{uuid.uuid4().hex}")
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk; the contents of its files are not enough."""
    if os.name == "nt":
        return  # folders cannot be opened there, and its file system keeps names by itself
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
