"""Everything a provider can do wrong, one class per fault, each saying whether asking again can help."""

from dataclasses import dataclass
from typing import ClassVar

from folkmoot.kernel.errors import BadGateway, Invalid
from folkmoot.kernel.json import Json
from folkmoot.llm.messages import Usage


class UnknownModel(Invalid):
    """No such model is configured"""


class NoEmbeddings(Invalid):
    """No model for embeddings is configured"""

    hint = "Set EMBEDDING_MODEL=provider:name, e.g. openai:text-embedding-3-small or ollama:nomic-embed-text"


@dataclass(frozen=True, slots=True)
class Failed:
    """A model of a chain that did not answer, and why."""

    model: str
    code: str
    sentence: str


class ModelFault(BadGateway):
    """The language model did not answer"""

    # How many calls the gateway makes in total before it gives this fault up; `retryable` says whether
    # asking again later, in a durable way, can help, `falls_over` whether the next model of a chain is asked.
    tries: ClassVar[int] = 1
    falls_over: ClassVar[bool] = True

    def __init__(self, detail: str | None = None, /, **facts: Json) -> None:
        super().__init__(detail, **facts)
        self.usage: Usage | None = None  # what the failed calls took, where that is known
        self.failed: tuple[Failed, ...] = ()  # every model of the chain that was asked, in this order


class ModelUnreachable(ModelFault):
    """The language model's server cannot be reached"""

    status = 503
    retryable = True
    tries = 3


class ModelConnectionLost(ModelFault):
    """The connection to the language model was lost before the answer was complete"""

    retryable = True
    tries = 3


class AnswerCut(ModelFault):
    """The language model's answer stopped without an end"""

    retryable = True
    tries = 3


class AnswerTruncated(ModelFault):
    """The language model's answer was cut off at its token limit"""

    falls_over = False  # the limit is the asker's


class AnswerFiltered(ModelFault):
    """The language model's provider withheld the answer"""

    falls_over = False  # nobody looks for a provider that lets it pass


class AnswerEmpty(ModelFault):
    """The language model gave an empty answer"""

    retryable = True
    tries = 3


class AnswerMalformed(ModelFault):
    """The language model's answer cannot be read"""

    retryable = True
    tries = 3


class AnswerTooLarge(ModelFault):
    """The language model's answer is larger than the limit"""

    tries = 2


class InvalidOutput(ModelFault):
    """The language model's answer does not fit the form it was asked for"""


class RateLimited(ModelFault):
    """The language model's provider asks for a pause"""

    status = 503
    retryable = True
    tries = 3

    @property
    def retry_after(self) -> float:
        """Seconds the provider asks to wait; 0 where it did not say."""
        seconds = self.facts.get("retry_after")
        return float(seconds) if isinstance(seconds, int | float) else 0.0


class QuotaExceeded(ModelFault):
    """The account at the language model's provider has no quota left"""


class ProviderError(ModelFault):
    """The language model's provider failed"""

    retryable = True
    tries = 3


class CredentialsRefused(ModelFault):
    """The language model's provider refused the credentials"""


class KeyUnreadable(ModelFault):
    """The workspace's own key for the language model's provider cannot be decrypted: it has to be set again"""


class ModelNotFound(ModelFault):
    """The language model's provider does not know this model"""


class ContextOverflow(ModelFault):
    """The conversation does not fit into the language model's context window"""


class RequestRefused(ModelFault):
    """The language model's provider refused the request"""


class ModelTimeout(ModelFault):
    """The language model took too long"""

    status = 504
    retryable = True
    tries = 2


class ConnectTimeout(ModelTimeout):
    """The language model's server did not accept a connection in time"""


class FirstTokenTimeout(ModelTimeout):
    """The language model did not begin to answer in time"""


class IdleTimeout(ModelTimeout):
    """The language model stopped in the middle of its answer"""


class TotalTimeout(ModelTimeout):
    """The language model did not finish its answer in time"""

    tries = 1
