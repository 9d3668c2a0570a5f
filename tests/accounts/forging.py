"""Access tokens as an attacker would make them, some with the right key and the wrong claims."""

import base64
import hmac
from datetime import timedelta

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from folkmoot.accounts.tokens import Claims
from folkmoot.kernel.clock import now
from folkmoot.kernel.json import JsonObject, dumps

_RSA = rsa.generate_private_key(65537, 2048)
_PUBLIC = _RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def forged(key: bytes, claims: Claims) -> dict[str, str]:
    """By what is wrong with them."""
    at = int(now().timestamp())
    good: JsonObject = {
        "sub": claims.subject,
        "sid": claims.family_id,
        "iat": at,
        "exp": at + 900,
        "jti": "1",
        "aud": "folkmoot",
        "iss": "folkmoot",
    }
    whole = jwt.encode(good, key, "HS256")
    head, body, signature = whole.split(".")
    other_body = _part({**good, "sub": "local"})
    found = {
        "other key": jwt.encode(good, b"o" * 32, "HS256"),
        "no signature": f"{head}.{body}.",
        "tampered body": f"{head}.{other_body}.{signature}",
        "tampered signature": f"{head}.{body}.{'A' * len(signature)}",
        "algorithm none": f"{_part({'alg': 'none', 'typ': 'JWT'})}.{body}.",
        "algorithm None": f"{_part({'alg': 'None', 'typ': 'JWT'})}.{body}.{signature}",
        "longer hash": jwt.encode(good, key * 2, "HS512"),
        "same key, longer hash": _signed(good, key, "HS512", "sha512"),
        "public key": jwt.encode(good, _RSA, "RS256"),
        "public key as secret": _signed(good, _PUBLIC, "HS256", "sha256"),
        "key of its own": jwt.encode(good, _RSA, "RS256", headers={"jwk": {"kty": "RSA", "n": "AQAB", "e": "AQAB"}}),
        "key by path": jwt.encode(good, b"\0" * 32, "HS256", headers={"kid": "../../dev/null"}),
        "expired": _again(key, good, exp=at - 1),
        "expires never": _again(key, good, exp=None),
        "expires as text": _again(key, good, exp="tomorrow"),
        "from tomorrow": _again(key, good, iat=at + 86_400),
        "not before tomorrow": _again(key, good, nbf=at + int(timedelta(days=1).total_seconds())),
        "other audience": _again(key, good, aud="elsewhere"),
        "no audience": _again(key, good, aud=None),
        "other issuer": _again(key, good, iss="elsewhere"),
        "no issuer": _again(key, good, iss=None),
        "nobody": _again(key, good, sub=None),
        "a number": _again(key, good, sub=1),
        "no session": _again(key, good, sid=None),
        "a list of sessions": _again(key, good, sid=[claims.family_id]),
    }
    assert whole not in found.values()
    return found


def _again(key: bytes, good: JsonObject, **changed: object) -> str:
    """Signed as ours are; what is None is left out. Not by PyJWT, which would refuse some."""
    said = {name: value for name, value in {**good, **changed}.items() if value is not None}
    return _signed(said, key, "HS256", "sha256")


def _signed(said: object, key: bytes, algorithm: str, digest: str) -> str:
    text = f"{_part({'alg': algorithm, 'typ': 'JWT'})}.{_part(said)}"
    return f"{text}.{_coded(hmac.digest(key, text.encode(), digest))}"


def _part(said: object) -> str:
    return _coded(dumps(said).encode())


def _coded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
