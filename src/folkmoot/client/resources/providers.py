"""What operations of providers answer. Written by `make docs`."""

from datetime import datetime

from folkmoot.client.wire import Resource
from folkmoot.kernel.json import JsonObject


class CallUsage(Resource):
    """What a call has used; `cost_usd` is null where nobody knows the price."""

    input_tokens: int
    output_tokens: int
    cost_usd: str | None


class Fault(Resource):
    """Why a model or its provider did not answer, in the words of docs/errors.md."""

    code: str
    sentence: str
    retryable: bool


class Model(Resource):
    """`abilities` are what its provider tells; one that tells nothing is taken by the model's name."""

    name: str
    provider: str
    abilities: list[str]
    context_tokens: int | None
    output_tokens: int | None
    is_default: bool
    is_embedding_default: bool
    details: JsonObject


class Provider(Resource):
    """A provider as it was when it was asked last, within the last minute."""

    name: str
    status: str
    error: Fault | None
    models: int
    latency_seconds: float
    has_own_key: bool
    asked_at: datetime


class ModelPage(Resource):
    """Every model that can be asked in the workspace. `auto` as a model's name is the first that can chat."""

    total: int
    skip: int
    limit: int
    models: list[Model]
    providers: list[Provider]
    default_model: str
    embedding_model: str | None


class ModelTest(Resource):
    """What came of the call; `dimensions` are those of a vector."""

    model: str
    ok: bool
    latency_seconds: float
    response: str | None
    dimensions: int | None
    usage: CallUsage | None
    error: Fault | None


class OllamaModel(Resource):
    """As Ollama tells it; `size` in bytes."""

    name: str
    size: int | None
    modified_at: str | None
    details: JsonObject


class OllamaModels(Resource):
    models: list[OllamaModel]


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
