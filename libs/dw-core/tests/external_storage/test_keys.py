from typing import Any

import pytest

from durable_workflow.external_storage import _keys

SHA = "9f" + "0" * 62


def test_keys_are_made_of_prefix_codec_and_digest() -> None:
    assert _keys.object_key("avro", SHA) == f"avro/9f/{SHA}"
    assert _keys.object_key("avro", SHA, prefix="a/b") == f"a/b/avro/9f/{SHA}"


@pytest.mark.parametrize(
    ("prefix", "normal"),
    [
        ("", ""),
        ("/", ""),
        ("/a/b/", "a/b"),
        ("a b/é", "a%20b/%C3%A9"),
        ("a-_.~", "a-_.~"),
    ],
)
def test_prefixes_are_trimmed_and_encoded(prefix: Any, normal: Any) -> None:
    assert _keys.normalize_prefix(prefix) == normal


@pytest.mark.parametrize("prefix", ["a//b", "a/../b", "./a", ".."])
def test_unsafe_prefixes_are_refused(prefix: Any) -> None:
    with pytest.raises(ValueError, match="unsafe segment"):
        _keys.normalize_prefix(prefix)


@pytest.mark.parametrize("name", ["", "  "])
def test_a_bucket_has_a_name(name: Any) -> None:
    with pytest.raises(ValueError, match="bucket must be"):
        _keys.require_name(name, "bucket")
    assert _keys.require_name("b", "bucket") == "b"


def key(uri: str, prefix: str = "p") -> str:
    return _keys.key_of_uri(uri, schemes=("gs", "gcs"), container="b", prefix=prefix)


def test_keys_of_uris() -> None:
    assert key(f"gs://b/p/avro/9f/{SHA}") == f"p/avro/9f/{SHA}"
    assert key("gcs://b/p/x") == "p/x"
    assert key("gs://b/x", prefix="") == "x"


@pytest.mark.parametrize(
    ("uri", "complaint"),
    [
        ("s3://b/p/x", "scheme"),
        ("gs://c/p/x", "not in 'b'"),
        ("gs://b", "empty or unsafe"),
        ("gs://b/", "empty or unsafe"),
        ("gs://b/p/", "empty or unsafe"),
        ("gs://b/p/../x", "empty or unsafe"),
        ("gs://b//p/x", "empty or unsafe"),
        ("gs://b/p/x?y", "unsafe"),
        ("gs://b/p/x#y", "unsafe"),
        ("gs://b/q/x", "outside the prefix"),
        ("gs://b/pp/x", "outside the prefix"),
    ],
)
def test_other_places_are_refused(uri: Any, complaint: Any) -> None:
    with pytest.raises(ValueError, match=complaint):
        key(uri)
