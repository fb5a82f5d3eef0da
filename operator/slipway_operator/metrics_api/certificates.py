"""Makes the CA and the serving certificate, and decides when the next step of their rotation is due."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

BACKDATE = timedelta(minutes=5)  # clocks of nodes disagree


@dataclass(frozen=True)
class Lifetimes:
    """How long certificates hold; each is renewed when a third of that is left."""

    ca: timedelta = timedelta(days=365)
    leaf: timedelta = timedelta(days=30)


@dataclass(frozen=True)
class Material:
    """Everything that replicas share, as PEM. `cas` is the bundle that clients trust, newest first."""

    cas: tuple[bytes, ...]
    ca_key: bytes
    leaf: bytes
    leaf_key: bytes

    @property
    def bundle(self) -> bytes:
        return b"".join(self.cas)


class Step(Enum):
    """One step of a rotation. A pass takes one at most, so that a new CA is trusted long before it signs."""

    NONE = "none"
    START_OVER = "start over"
    NEW_LEAF = "new serving certificate"
    NEW_CA = "new CA beside the old one"
    DROP_OLD_CA = "drop the expired CA"


def next_step(material: Material | None, dns_names: tuple[str, ...], now: datetime, lifetimes: Lifetimes) -> Step:
    """What has to be done now, given what the replicas share.

    A leaf is signed by the newest CA. So a CA that is due waits for a fresh leaf: signed by the CA that everybody
    trusts already, it leaves the new CA a third of its life to spread to every client before that signs anything.
    """
    if material is None or not _is_sound(material, dns_names, now):
        return Step.START_OVER
    leaf_left = expires_at(material.leaf) - now
    if leaf_left <= lifetimes.leaf / 3:
        return Step.NEW_LEAF
    if expires_at(material.cas[0]) - now <= lifetimes.ca / 3:
        return Step.NEW_CA if leaf_left > lifetimes.leaf * 2 / 3 else Step.NEW_LEAF
    if any(_load(ca).not_valid_after_utc <= now for ca in material.cas[1:]):
        return Step.DROP_OLD_CA
    return Step.NONE


def take_step(
    step: Step, material: Material | None, dns_names: tuple[str, ...], now: datetime, lifetimes: Lifetimes
) -> Material:
    """The material after `step`, which is not `Step.NONE`."""
    if step is Step.START_OVER or material is None:
        ca, ca_key = _make_ca(now, lifetimes.ca)
        leaf, leaf_key = _make_leaf(ca, ca_key, dns_names, now, lifetimes.leaf)
        return Material(cas=(ca,), ca_key=ca_key, leaf=leaf, leaf_key=leaf_key)
    if step is Step.NEW_LEAF:
        leaf, leaf_key = _make_leaf(material.cas[0], material.ca_key, dns_names, now, lifetimes.leaf)
        return replace(material, leaf=leaf, leaf_key=leaf_key)
    if step is Step.NEW_CA:
        ca, ca_key = _make_ca(now, lifetimes.ca)
        return replace(material, cas=(ca, *material.cas), ca_key=ca_key)
    return replace(material, cas=tuple(ca for ca in material.cas if _load(ca).not_valid_after_utc > now))


def expires_at(certificate: bytes) -> datetime:
    return _load(certificate).not_valid_after_utc


def split_bundle(bundle: bytes) -> tuple[bytes, ...]:
    """The certificates of a PEM bundle.

    Raises:
        ValueError: there is none in it, or one cannot be parsed.
    """
    return tuple(it.public_bytes(serialization.Encoding.PEM) for it in x509.load_pem_x509_certificates(bundle))


def _is_sound(material: Material, dns_names: tuple[str, ...], now: datetime) -> bool:
    """The leaf is ours, for these names, not expired, and the keys belong to their certificates."""
    try:
        leaf = _load(material.leaf)
        issuers = [ca for ca in map(_load, material.cas) if ca.subject == leaf.issuer and ca.not_valid_after_utc > now]
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        keys_match = _belongs(material.leaf_key, leaf) and _belongs(material.ca_key, _load(material.cas[0]))
    except (ValueError, x509.ExtensionNotFound, IndexError):
        return False
    return (
        bool(issuers)
        and keys_match
        and leaf.not_valid_after_utc > now
        and set(names.get_values_for_type(x509.DNSName)) == set(dns_names)
    )


def _belongs(key: bytes, certificate: x509.Certificate) -> bool:
    return _load_key(key).public_key() == certificate.public_key()


def _load(certificate: bytes) -> x509.Certificate:
    return x509.load_pem_x509_certificate(certificate)


def _load_key(key: bytes) -> ec.EllipticCurvePrivateKey:
    loaded = serialization.load_pem_private_key(key, password=None)
    if not isinstance(loaded, ec.EllipticCurvePrivateKey):
        raise ValueError(f"expected an EC key, found {type(loaded).__name__}")
    return loaded


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _pem(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> tuple[bytes, bytes]:
    return certificate.public_bytes(serialization.Encoding.PEM), key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _make_ca(now: datetime, lifetime: timedelta) -> tuple[bytes, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    serial = x509.random_serial_number()
    # Old and new CA stand in one bundle: with one name for both, a verifier may try the wrong one.
    name = _name(f"slipway-metrics-api-ca-{serial:x}"[:64])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), serial)
        .not_valid_before(now - BACKDATE)
        .not_valid_after(now + lifetime)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return _pem(certificate, key)


def _make_leaf(
    ca: bytes, ca_key: bytes, dns_names: tuple[str, ...], now: datetime, lifetime: timedelta
) -> tuple[bytes, bytes]:
    issuer, key = _load(ca), ec.generate_private_key(ec.SECP256R1())
    identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    certificate = (
        x509.CertificateBuilder(
            issuer.subject, _name("slipway-metrics-api"), key.public_key(), x509.random_serial_number()
        )
        .not_valid_before(now - BACKDATE)
        .not_valid_after(min(now + lifetime, issuer.not_valid_after_utc))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in dns_names]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .sign(_load_key(ca_key), hashes.SHA256())
    )
    return _pem(certificate, key)
