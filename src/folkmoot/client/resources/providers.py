"""What operations of providers answer. Written by `make docs`."""

from datetime import datetime

from folkmoot.client.wire import Resource


class UnreadableSecret(Resource):
    """A secret that none of the server's keys decrypts."""

    workspace_id: str
    name: str


class Rotated(Resource):
    """How many secrets were encrypted anew, and those that could not be read and are left as they were."""

    rotated: int
    unreadable: list[UnreadableSecret]


class Secret(Resource):
    """That there is a secret, never what it is. `key` says with which of the server's keys it is encrypted: the
    current one, an old one until `rotate`, or one that the server does not have any more.
    """

    name: str
    key: str
    created_at: datetime
    updated_at: datetime


class SecretPage(Resource):
    total: int
    skip: int
    limit: int
    secrets: list[Secret]
