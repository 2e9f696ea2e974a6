"""A certificate authority of our own, and servers that speak TLS with its certificates."""

import ipaddress
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Authority:
    """Files of a certificate authority, of a server and of a client that it knows."""

    certificate: Path
    server: Path  # certificate and key
    client: Path  # certificate and key


def make_authority(folder: Path, host: str = "127.0.0.1") -> Authority:
    folder.mkdir(parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    root = _certificate("authority", key, "authority", key, is_authority=True, host=None)
    names = {"certificate": folder / "authority.pem"}
    names["certificate"].write_bytes(_pem(root))
    for name, place in (("server", host), ("client", None)):
        of_name = ec.generate_private_key(ec.SECP256R1())
        certificate = _certificate(name, of_name, "authority", key, is_authority=False, host=place)
        names[name] = folder / f"{name}.pem"
        names[name].write_bytes(_pem(certificate) + _key(of_name))
    return Authority(**names)


def _certificate(name, key, issuer, issuer_key, *, is_authority: bool, host: str | None) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    if is_authority:
        usage = dict.fromkeys(
            ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only"), False
        )
        usage |= {"digital_signature": True, "key_cert_sign": True, "crl_sign": True, "decipher_only": False}
        builder = builder.add_extension(x509.KeyUsage(**usage), critical=True)
    if host is not None:
        names = [x509.IPAddress(ipaddress.ip_address(host))]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key(key: ec.EllipticCurvePrivateKey) -> bytes:
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, plain)


def speak_tls(server: ThreadingHTTPServer, authority: Authority, *, wants_client: bool = False) -> str:
    """Let a server that has not begun speak TLS only; its address."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.server)
    if wants_client:
        context.load_verify_locations(authority.certificate)
        context.verify_mode = ssl.CERT_REQUIRED
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    return f"https://127.0.0.1:{server.server_port}"


class Answering(ThreadingHTTPServer):
    """Answers every request with the same status and text."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.status, self.text = status, text
        self.headers: list[dict[str, str]] = []

    def handle_error(self, *arguments: object) -> None:
        """A handshake that fails is what a test wants."""


class _Answer(BaseHTTPRequestHandler):
    server: Answering

    def _answer(self) -> None:
        self.server.headers.append(dict(self.headers))
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        content = self.server.text.encode()
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = _answer  # noqa: N815  (http.server's names)

    def log_message(self, *arguments: object) -> None:
        pass


@contextmanager
def answering(
    status: int, text: str = "", prepare: Callable[[Answering], str] | None = None
) -> Iterator[tuple[str, Answering]]:
    """The address of a server that answers so; `prepare` gets it first and gives its address."""
    server = Answering(status, text)
    uri = f"http://127.0.0.1:{server.server_port}" if prepare is None else prepare(server)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield uri, server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
