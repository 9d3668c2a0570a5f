"""The address is chosen by the guard, the certificate still has to be the name's."""

import ssl
from collections.abc import Sequence
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from folkmoot.kernel.clock import now
from folkmoot.net.calls import Call
from folkmoot.net.client import GuardedClient
from folkmoot.net.faults import CertificateRefused
from tests.net.servers import Names, serving


class Authority:
    """A certificate authority of the test's own."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test")])
        self.certificate = self._signed(self._name, self._key, x509.BasicConstraints(ca=True, path_length=None))

    def trusted(self) -> ssl.SSLContext:
        pem = self.certificate.public_bytes(serialization.Encoding.PEM).decode()
        return ssl.create_default_context(cadata=pem)

    def server_for(self, names: Sequence[x509.GeneralName], folder: Path) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "server")])
        certificate = self._signed(subject, key, x509.SubjectAlternativeName(names))
        path = folder / "server.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def _signed(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, extension: x509.ExtensionType
    ) -> x509.Certificate:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now() - timedelta(hours=1))
            .not_valid_after(now() + timedelta(hours=1))
            .add_extension(extension, critical=False)
            .sign(self._key, hashes.SHA256())
        )


async def hello(_: web.Request) -> web.StreamResponse:
    return web.Response(text="hello")


async def test_the_certificate_is_checked_by_name(tmp_path: Path) -> None:
    authority = Authority()
    tls = authority.server_for([x509.DNSName("good.example"), x509.IPAddress(ip_address("127.0.0.1"))], tmp_path)
    indicated: list[str | None] = []
    tls.sni_callback = lambda _connection, name, _context: indicated.append(name)
    names = Names(good_example=[["127.0.0.1"]], other_example=[["127.0.0.1"]])
    async with serving(hello, tls=tls) as server:
        client = GuardedClient([server.place], resolver=names, tls=authority.trusted())
        strange = GuardedClient([server.place], resolver=names)
        for host in ("good.example", "127.0.0.1"):
            answer = await client.request(Call("GET", f"https://{host}:{server.port}/"))
            assert answer.body == b"hello"
        assert indicated == ["good.example", None]
        for asking, host in ((client, "other.example"), (strange, "good.example")):
            with pytest.raises(CertificateRefused) as raised:
                await asking.request(Call("GET", f"https://{host}:{server.port}/"))
            assert not raised.value.retryable
            assert "127.0.0.1" not in str(raised.value)
        await client.aclose()
        await strange.aclose()
    assert len(server.asked) == 2
