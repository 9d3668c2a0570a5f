"""How PostgreSQL may be reached: by its socket, over TLS that is checked, and what is refused with a sentence."""

from collections.abc import AsyncIterator
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from folkmoot.db.connect import connect
from folkmoot.db.lanes import DatabaseUnavailable
from folkmoot.db.server import WrongDatabaseUrl
from folkmoot.kernel.clock import now
from tests.db.test_postgres import run
from tests.system.services import Cluster, cluster

pytestmark = pytest.mark.postgres

IS_ENCRYPTED = "select ssl from pg_stat_ssl where pid = pg_backend_pid()"


@pytest.fixture
async def encrypted() -> AsyncIterator[Cluster]:
    """A cluster that also speaks TLS."""
    async with cluster() as made:
        certify(made.folder)
        made.own("key")
        await made.say("alter system set ssl = on")
        for name in ("cert", "key"):
            await made.say(f"alter system set ssl_{name}_file = '{made.folder / name}'")
        await made.stop("fast")
        await made.start()
        yield made


def certify(folder: Path) -> None:
    """A certificate for 127.0.0.1 that answers for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "folkmoot test")])
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    built = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    built = built.not_valid_before(now() - timedelta(days=1)).not_valid_after(now() + timedelta(days=1))
    built = built.add_extension(names, critical=False).add_extension(x509.BasicConstraints(True, None), critical=True)
    (folder / "cert").write_bytes(built.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    plain = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key").write_bytes(key.private_bytes(*plain))


async def ask(url: str, question: str = IS_ENCRYPTED) -> object:
    database = connect(url)
    try:
        await database.open()
        return await database.read(run, question)
    finally:
        await database.close()


async def test_urls(encrypted: Cluster, tmp_path: Path) -> None:
    by_socket = f"postgresql://postgres@/postgres?host={encrypted.folder}&port={encrypted.port}"
    assert await ask(by_socket, "select inet_server_addr() is null") is True
    assert await ask(f"{encrypted.url()}?sslmode=disable") is False
    assert await ask(f"{encrypted.url()}?sslmode=require&connect_timeout=3") is True
    assert await ask(f"{encrypted.url()}?ssl=require&application_name=mine", "show application_name") == "mine"
    trusted = f"{encrypted.url()}?sslmode=verify-full&sslrootcert={encrypted.folder / 'cert'}"
    assert await ask(trusted) is True
    with pytest.raises(DatabaseUnavailable):
        await ask(trusted.replace("127.0.0.1", "127.0.0.2"))

    other = tmp_path / "other"
    other.mkdir()
    certify(other)
    for untrusted in (f"verify-full&sslrootcert={other / 'cert'}", "verify-full&sslrootcert=system"):
        with pytest.raises(DatabaseUnavailable):
            await ask(f"{encrypted.url()}?sslmode={untrusted}")
    for wrong in ("sslmode=verify", "channel_binding=require", "connect_timeout=soon"):
        with pytest.raises(WrongDatabaseUrl, match="DATABASE_URL: "):
            await ask(f"{encrypted.url()}?{wrong}")
