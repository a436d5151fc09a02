"""Fingerprints name their scheme, and only those of one scheme are compared."""

from durable_workflow._wire.fingerprints import comparable, is_ours


def test_only_one_scheme_is_compared() -> None:
    assert comparable("sha256:v2:aa", "sha256:v2:bb")
    assert comparable("sha256:aa", "sha256:bb")
    assert not comparable("sha256:aa", "sha256:v2:bb")
    assert not comparable("sha256:v2-name:aa", "sha256:v2:bb")


def test_an_absent_fingerprint_says_nothing() -> None:
    assert not comparable(None, "sha256:v2:bb")
    assert not comparable("sha256:v2:bb", "")
    assert not comparable(None, None)


def test_ours_are_told_from_the_reference_sdks() -> None:
    assert is_ours("sha256:v2:aa")
    assert is_ours("sha256:v2-name:aa")
    assert not is_ours("sha256:aa")
    assert not is_ours("f")
