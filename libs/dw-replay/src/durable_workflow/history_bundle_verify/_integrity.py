"""Checksum and signature of a bundle."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from durable_workflow._wire.events import text
from durable_workflow._wire.json_values import is_object
from durable_workflow.history_bundle_verify._canonical import CANONICALIZATION, canonical_texts
from durable_workflow.history_bundle_verify._findings import Findings

CHECKSUM_ALGORITHM: Final = "sha256"
SIGNATURE_ALGORITHM: Final = "hmac-sha256"


@dataclass(slots=True)
class IntegrityReport:
    """What a bundle says of its integrity, and what came of checking it.

    `checksum`, `checksum_ok` and `signature_ok` repeat other members under a second name.
    """

    present: bool = False
    canonicalization: str | None = None
    checksum_algorithm: str | None = None
    expected_checksum: str | None = None
    recomputed_checksum: str | None = None
    checksum_matches: bool | None = None
    signature_algorithm: str | None = None
    signature_present: bool = False
    signature_verified: bool | None = None
    key_id: str | None = None
    signing_key_provided: bool = False

    def to_dict(self) -> dict[str, Any]:
        """The member `integrity` of a verification report."""
        return {
            **asdict(self),
            "checksum": self.expected_checksum,
            "checksum_ok": self.checksum_matches,
            "signature_ok": self.signature_verified,
        }


def check_integrity(
    bundle: Mapping[str, Any], signing_key: str | None, findings: Findings
) -> IntegrityReport:
    """Recompute the checksum of a bundle, and its signature where there is a key."""
    report = IntegrityReport(signing_key_provided=signing_key is not None)
    declared = bundle.get("integrity")
    if not is_object(declared):
        findings.add("integrity.missing", "the bundle has no integrity object", path="integrity")
        return report
    report.present = True
    report.canonicalization = text(declared, "canonicalization")
    report.checksum_algorithm = text(declared, "checksum_algorithm")
    report.expected_checksum = text(declared, "checksum")
    report.signature_algorithm = text(declared, "signature_algorithm")
    report.signature_present = text(declared, "signature") is not None
    report.key_id = text(declared, "key_id")
    if not _algorithms_are_known(declared, findings):
        return report
    canonical = _check_checksum(bundle, report, findings)
    _check_signature(declared, canonical, signing_key, report, findings)
    return report


def _algorithms_are_known(declared: Mapping[str, Any], findings: Findings) -> bool:
    for member, known in (
        ("canonicalization", CANONICALIZATION),
        ("checksum_algorithm", CHECKSUM_ALGORITHM),
    ):
        found = declared.get(member)
        if found != known:
            findings.add(
                f"integrity.{member}_unsupported",
                f"integrity.{member} is {found!r}; this verifier knows {known!r}",
                path=f"integrity.{member}",
                found=found,
            )
            return False
    return True


def _check_checksum(
    bundle: Mapping[str, Any], report: IntegrityReport, findings: Findings
) -> list[bytes]:
    """Check the checksum; the canonical texts that a signature may be over."""
    expected = report.expected_checksum
    if expected is None:
        findings.add(
            "integrity.checksum_missing",
            "the integrity object has no checksum",
            path="integrity.checksum",
        )
    texts: list[bytes] = []
    try:
        for canonical in canonical_texts(bundle):
            texts.append(canonical)
            checksum = hashlib.sha256(canonical).hexdigest()
            matches = expected is not None and _equal(checksum, expected)
            if matches or report.recomputed_checksum is None:
                report.recomputed_checksum = checksum
            if matches:
                report.checksum_matches = True
                return [canonical]
    except (TypeError, ValueError, RecursionError) as error:
        findings.add(
            "integrity.canonicalization_failed",
            f"the bundle has no canonical text: {error or type(error).__name__}",
            path="integrity",
        )
        return []
    if expected is not None:
        report.checksum_matches = False
        findings.add(
            "integrity.checksum_mismatch",
            "the bundle is not the one that its checksum was made of: it was changed, or written "
            "in another form, after it was exported",
            path="integrity.checksum",
            expected=expected,
            recomputed=report.recomputed_checksum,
        )
    return texts


def _check_signature(
    declared: Mapping[str, Any],
    canonical: list[bytes],
    signing_key: str | None,
    report: IntegrityReport,
    findings: Findings,
) -> None:
    algorithm, signature = declared.get("signature_algorithm"), text(declared, "signature")
    if algorithm is None and signature is None:
        return
    if algorithm != SIGNATURE_ALGORITHM:
        findings.add(
            "integrity.signature_algorithm_unsupported",
            f"integrity.signature_algorithm is {algorithm!r}; this verifier knows "
            f"{SIGNATURE_ALGORITHM!r}",
            path="integrity.signature_algorithm",
            found=algorithm,
        )
    elif signature is None:
        findings.add(
            "integrity.signature_missing",
            "the bundle names a signature algorithm and has no signature",
            path="integrity.signature",
        )
    elif signing_key is None:
        findings.add(
            "integrity.signature_key_unavailable",
            "the bundle is signed, and no signing key was given to check it",
            path="integrity.signature",
            key_id=report.key_id,
        )
    elif canonical:
        key = signing_key.encode()
        signatures = (hmac.new(key, text, hashlib.sha256).hexdigest() for text in canonical)
        report.signature_verified = any(_equal(found, signature) for found in signatures)
        if not report.signature_verified:
            findings.add(
                "integrity.signature_mismatch",
                "the signature was not made with this key over this bundle",
                path="integrity.signature",
                key_id=report.key_id,
            )


def _equal(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode(errors="surrogatepass"))
