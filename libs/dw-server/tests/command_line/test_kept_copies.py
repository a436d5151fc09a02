"""Copies on a disk that is mounted to be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from durable_workflow.server.__main__ import main


def test_a_copy_beside_which_nothing_can_be_written_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "copy.db"
    assert main(["--db", str(tmp_path / "state.db"), "bootstrap"]) == 0
    assert main(["--db", str(tmp_path / "state.db"), "backup", str(copy)]) == 0
    # As on a disk that is mounted to be read: SQLite cannot make its index there.
    Path(f"{copy}-shm").symlink_to(f"{copy}-shm")
    log = Path(f"{copy}-wal")

    assert main(["verify", str(copy)]) == 0
    log.unlink()
    assert main(["--db", str(copy), "backup", str(tmp_path / "second.db")]) == 0
    log.unlink()
    assert main(["verify", str(tmp_path / "second.db")]) == 0

    # With a log the file alone is not all that was acknowledged.
    capsys.readouterr()
    log.write_bytes(b"log")
    assert main(["verify", str(copy)]) == 1
    assert f"cannot open {copy}: unable to open database file" in capsys.readouterr().err

    # The log is beside the file, and not beside a link to it.
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere/link.db"
    link.symlink_to(copy)
    assert main(["verify", str(link)]) == 1
    assert f"cannot open {link}: unable to open database file" in capsys.readouterr().err
