"""Certificates that the components accept from one another, and keys that only root reads."""

import ssl
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.x509.oid import NameOID
from slipway_cluster.certificates import Authority, create_authority, create_signing_key, write_kubeconfig


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return create_authority(tmp_path / "ca", "test")


def test_a_client_is_known_by_user_and_group(authority: Authority, tmp_path: Path) -> None:
    pair = authority.issue(tmp_path / "kubelet", "system:node:n", "system:nodes")
    certificate = x509.load_pem_x509_certificate(pair.certificate.read_bytes())
    signer = x509.load_pem_x509_certificate(authority.certificate.read_bytes())

    certificate.verify_directly_issued_by(signer)
    assert certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "system:node:n"
    assert certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value == "system:nodes"


def test_a_server_answers_to_its_names_and_addresses(authority: Authority, tmp_path: Path) -> None:
    pair = authority.issue(tmp_path / "server", "server", hosts=["kubernetes.default.svc", "10.96.0.1"])
    certificate = x509.load_pem_x509_certificate(pair.certificate.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value

    assert names.get_values_for_type(x509.DNSName) == ["kubernetes.default.svc"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["10.96.0.1"]
    ssl.create_default_context(cafile=str(authority.certificate)).load_cert_chain(pair.certificate, pair.key)


def test_only_root_reads_what_is_secret(authority: Authority, tmp_path: Path) -> None:
    pair = authority.issue(tmp_path / "admin", "admin", "system:masters")
    kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", "https://10.244.0.1:6443", authority, pair)
    signing = create_signing_key(tmp_path / "service-accounts")

    for secret in (authority.pair.key, pair.key, signing.key, kubeconfig):
        assert secret.stat().st_mode & 0o077 == 0
    assert yaml.safe_load(kubeconfig.read_text())["clusters"][0]["cluster"]["server"] == "https://10.244.0.1:6443"
