"""What is counted of calls to language models, by provider."""

from folkmoot.kernel.metrics import Counter, Metric
from folkmoot.llm.faults import ModelFault
from folkmoot.llm.messages import Usage


class ModelFigures:
    """Every call counts, a repeated one again; its outcome is `answered` or the code of the fault."""

    def __init__(self) -> None:
        self._calls = Counter("folkmoot_model_calls_total", "Calls to language models", ("provider", "outcome"))
        self._tokens = Counter("folkmoot_model_tokens_total", "Tokens of language models", ("provider", "direction"))

    @property
    def metrics(self) -> tuple[Metric, ...]:
        return self._calls, self._tokens

    def answered(self, provider: str, usage: Usage) -> None:
        self._calls.add(provider, "answered")
        self._count(provider, usage)

    def failed(self, provider: str, fault: ModelFault) -> None:
        self._calls.add(provider, fault.code)
        if fault.usage is not None:
            self._count(provider, fault.usage)

    def _count(self, provider: str, usage: Usage) -> None:
        self._tokens.add(provider, "in", amount=usage.input_tokens)
        self._tokens.add(provider, "out", amount=usage.output_tokens)
