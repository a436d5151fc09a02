import hashlib
import os
import pickle
from pathlib import Path
from typing import Any

import pytest

from durable_workflow.external_storage import (
    ExternalPayloadCache,
    ExternalPayloadIntegrityError,
    ExternalPayloadReference,
    ExternalStorageDriver,
    LocalFilesystemExternalStorage,
    delete_external_payload,
    fetch_external_payload,
    store_external_payload,
)

DATA = b"payload"
SHA = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def storage(tmp_path: Path) -> Any:
    return LocalFilesystemExternalStorage(tmp_path / "a folder" / "payloads")


def only_file(storage: LocalFilesystemExternalStorage) -> Path:
    (path,) = (path for path in storage.root.rglob("*") if path.is_file())
    return path


def test_the_root_is_made(storage: Any) -> None:
    assert storage.root.is_dir()


def test_payloads_lie_by_codec_and_digest(storage: Any) -> None:
    uri = storage.put(DATA, sha256=SHA, codec="avro")
    assert only_file(storage) == storage.root / "avro" / SHA[:2] / SHA
    assert uri == (storage.root / "avro" / SHA[:2] / SHA).as_uri()
    assert uri.startswith("file:///")
    assert storage.get(uri) == DATA


def test_a_file_that_is_there_is_not_rewritten(storage: Any) -> None:
    storage.put(DATA, sha256=SHA, codec="avro")
    only_file(storage).write_bytes(b"other")
    uri = storage.put(DATA, sha256=SHA, codec="avro")
    assert storage.get(uri) == b"other"


def test_a_failed_write_leaves_nothing(storage: Any) -> None:
    with pytest.raises(TypeError):
        storage.put("text", sha256=SHA, codec="avro")
    assert [path for path in storage.root.rglob("*") if path.is_file()] == []


@pytest.mark.skipif(os.name == "nt", reason="folders cannot be opened on Windows")
def test_a_payload_that_was_put_survives_a_power_cut(
    storage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    fsync = os.fsync

    def note(descriptor: int) -> None:
        synced.append(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    storage.put(DATA, sha256=SHA, codec="avro")
    path = only_file(storage)
    # Its contents, its name, and the names of the folders that were made for it.
    wanted = [storage.root, path.parent.parent, path, path.parent]
    assert synced == [entry.stat().st_ino for entry in wanted]
    synced.clear()
    other = b"another"
    storage.put(other, sha256=SHA[:2] + hashlib.sha256(other).hexdigest()[2:], codec="avro")
    assert len(synced) == 2


@pytest.mark.parametrize("codec", ["", ".", "..", "a/b", "a b", "é", "a\n"])
def test_a_codec_that_is_no_file_name_is_refused(storage: Any, codec: Any) -> None:
    with pytest.raises(ValueError, match="codec"):
        storage.put(DATA, sha256=SHA, codec=codec)


@pytest.mark.parametrize("digest", ["", "../../etc", SHA[:-1], SHA + "\n"])
def test_a_digest_that_is_none_is_refused(storage: Any, digest: Any) -> None:
    with pytest.raises(ValueError, match="sha256"):
        storage.put(DATA, sha256=digest, codec="avro")


def test_deleting_twice_is_silent(storage: Any) -> None:
    uri = storage.put(DATA, sha256=SHA, codec="avro")
    storage.delete(uri)
    storage.delete(uri)
    with pytest.raises(FileNotFoundError):
        storage.get(uri)


@pytest.mark.parametrize(
    ("uri", "complaint"),
    [
        ("s3://bucket/key", "scheme"),
        ("/etc/passwd", "scheme"),
        ("file://elsewhere/etc/passwd", "another host"),
        ("file:///etc/passwd", "outside"),
        ("file://{root}", "outside"),
        ("file://{root}/../secret", "outside"),
        ("file://{root}/%2e%2e/secret", "outside"),
        ("file://{root}2/secret", "outside"),
    ],
)
def test_other_places_are_refused(storage: Any, uri: Any, complaint: Any) -> None:
    uri = uri.format(root=str(storage.root).replace(" ", "%20"))
    for call in (storage.get, storage.delete):
        with pytest.raises(ValueError, match=complaint):
            call(uri)


def test_a_symbolic_link_leads_nowhere_else(storage: Any, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (storage.root / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(ValueError, match="outside"):
        storage.get((storage.root / "link").as_uri())


@pytest.mark.parametrize("level", [0, 1, 2])
def test_no_payload_is_written_through_a_link_out_of_the_root(
    storage: Any, tmp_path: Path, level: int
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    link = storage.root.joinpath(*("avro", SHA[:2], SHA)[: level + 1])
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(outside / "payload" if level == 2 else outside)
    with pytest.raises(ValueError, match="outside of"):
        storage.put(DATA, sha256=SHA, codec="avro")
    assert list(outside.iterdir()) == []


def test_a_file_outside_does_not_pass_for_a_payload(storage: Any, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(DATA)
    link = storage.root / "avro" / SHA[:2] / SHA
    link.parent.mkdir(parents=True)
    link.symlink_to(tmp_path / "secret")
    with pytest.raises(ValueError, match="outside of"):
        storage.put(DATA, sha256=SHA, codec="avro")


def test_a_link_within_the_root_is_followed(storage: Any) -> None:
    (storage.root / "disk").mkdir()
    (storage.root / "avro").symlink_to(storage.root / "disk")
    assert storage.get(storage.put(DATA, sha256=SHA, codec="avro")) == DATA


def test_localhost_is_this_machine(storage: Any) -> None:
    uri = storage.put(DATA, sha256=SHA, codec="avro")
    assert storage.get(uri.replace("file:///", "file://localhost/")) == DATA


def test_store_fetch_and_delete(storage: Any) -> None:
    cache = ExternalPayloadCache()
    reference = store_external_payload(
        storage, DATA, codec="json", expires_at="2027-01-01T00:00:00Z"
    )
    assert reference == ExternalPayloadReference(
        storage.put(DATA, sha256=SHA, codec="json"), SHA, 7, "json", "2027-01-01T00:00:00Z"
    )
    assert fetch_external_payload(storage, reference, cache=cache) == DATA
    only_file(storage).unlink()
    assert fetch_external_payload(storage, reference, cache=cache) == DATA
    delete_external_payload(storage, reference, cache=cache)
    with pytest.raises(FileNotFoundError):
        fetch_external_payload(storage, reference, cache=cache)


def test_a_missing_payload_is_no_less_wrong_than_a_changed_one(storage: Any) -> None:
    reference = store_external_payload(storage, DATA, codec="json")
    only_file(storage).unlink()
    with pytest.raises(ExternalPayloadIntegrityError, match="missing: file://") as caught:
        fetch_external_payload(storage, reference)
    assert isinstance(caught.value, FileNotFoundError)
    assert isinstance(caught.value.__cause__, FileNotFoundError)
    assert caught.value.uri == reference.uri


def test_nothing_is_stored_with_a_bad_expiry(storage: Any) -> None:
    with pytest.raises(ValueError, match="expires_at"):
        store_external_payload(storage, DATA, codec="json", expires_at="2027-01-01T00:00:00")
    assert list(storage.root.iterdir()) == []


@pytest.mark.parametrize(
    ("altered", "complaint"), [(b"payloae", "hash does not match"), (b"pay", "size does not match")]
)
def test_altered_bytes_are_refused_and_not_cached(
    storage: Any, altered: Any, complaint: Any
) -> None:
    cache = ExternalPayloadCache()
    reference = store_external_payload(storage, DATA, codec="json")
    only_file(storage).write_bytes(altered)
    with pytest.raises(ExternalPayloadIntegrityError, match=complaint) as caught:
        fetch_external_payload(storage, reference, cache=cache)
    assert isinstance(caught.value, ValueError)
    assert reference.uri in str(caught.value)
    assert caught.value.uri == pickle.loads(pickle.dumps(caught.value)).uri == reference.uri
    assert len(cache) == 0


def test_a_digest_in_upper_case_is_the_same(storage: Any) -> None:
    reference = store_external_payload(storage, DATA, codec="json")
    upper = ExternalPayloadReference(reference.uri, SHA.upper(), 7, "json")
    assert fetch_external_payload(storage, upper) == DATA


def test_a_driver_is_known_by_its_methods(storage: Any) -> None:
    assert isinstance(storage, ExternalStorageDriver)
    assert not isinstance(object(), ExternalStorageDriver)
