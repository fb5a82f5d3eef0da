"""The cluster's certificate authorities, the certificates of its components, and their kubeconfig files."""

import base64
import datetime as dt
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

VALIDITY = dt.timedelta(days=3650)
CLOCK_SKEW = dt.timedelta(minutes=5)


@dataclass(frozen=True)
class KeyPair:
    """A certificate and its key on disk, both PEM."""

    certificate: Path
    key: Path


@dataclass(frozen=True)
class Authority:
    """A certificate authority that signs what the cluster's components show one another."""

    pair: KeyPair
    _certificate: x509.Certificate
    _key: ec.EllipticCurvePrivateKey

    @property
    def certificate(self) -> Path:
        return self.pair.certificate

    def issue(self, file: Path, common_name: str, organization: str = "", hosts: Sequence[str] = ()) -> KeyPair:
        """A client certificate, and a server certificate too where `hosts` (names and addresses) are given."""
        key = ec.generate_private_key(ec.SECP256R1())
        usages = [ExtendedKeyUsageOID.CLIENT_AUTH] + ([ExtendedKeyUsageOID.SERVER_AUTH] if hosts else [])
        builder = (
            _builder(_name(common_name, organization), self._certificate.subject, key)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        )
        if hosts:
            builder = builder.add_extension(x509.SubjectAlternativeName([_host(h) for h in hosts]), critical=False)
        return _write(file, builder.sign(self._key, hashes.SHA256()), key)


def create_authority(file: Path, common_name: str) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(common_name, "")
    certificate = (
        _builder(name, name, key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Authority(_write(file, certificate, key), certificate, key)


def create_signing_key(file: Path) -> KeyPair:
    """The key that signs service-account tokens, and its public half."""
    key = ec.generate_private_key(ec.SECP256R1())
    pair = KeyPair(file.with_suffix(".pub"), file.with_suffix(".key"))
    pair.certificate.write_bytes(
        key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    _write_key(pair.key, key)
    return pair


def write_kubeconfig(file: Path, server: str, authority: Authority, pair: KeyPair) -> Path:
    def embedded(source: Path) -> str:
        return base64.b64encode(source.read_bytes()).decode()

    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": "slipway",
                "cluster": {"server": server, "certificate-authority-data": embedded(authority.certificate)},
            }
        ],
        "users": [
            {
                "name": "slipway",
                "user": {
                    "client-certificate-data": embedded(pair.certificate),
                    "client-key-data": embedded(pair.key),
                },
            }
        ],
        "contexts": [{"name": "slipway", "context": {"cluster": "slipway", "user": "slipway"}}],
        "current-context": "slipway",
    }
    _write_private(file, yaml.safe_dump(content, sort_keys=False).encode())
    return file


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + VALIDITY)
    )


def _name(common_name: str, organization: str) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if organization:
        attributes.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    return x509.Name(attributes)


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _write(file: Path, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> KeyPair:
    pair = KeyPair(file.with_suffix(".crt"), file.with_suffix(".key"))
    pair.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    _write_key(pair.key, key)
    return pair


def _write_key(file: Path, key: ec.EllipticCurvePrivateKey) -> None:
    encoded = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    _write_private(file, encoded)


def _write_private(file: Path, content: bytes) -> None:
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)
    file.write_bytes(content)
