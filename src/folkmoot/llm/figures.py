"""What is counted of calls to language models, by provider."""

from folkmoot.kernel.metrics import Counter, Histogram, Metric
from folkmoot.llm.faults import ModelFault
from folkmoot.llm.messages import Usage


class ModelFigures:
    """Every call counts, a repeated one again; its outcome is `answered` or the code of the fault."""

    def __init__(self) -> None:
        by_provider = ("provider",)
        self._calls = Counter("folkmoot_model_calls_total", "Calls to language models", ("provider", "outcome"))
        self._seconds = Histogram("folkmoot_model_seconds", "How long calls took that were answered", by_provider)
        self._tokens = Counter("folkmoot_model_tokens_total", "Tokens of language models", ("provider", "direction"))
        self._cost = Counter("folkmoot_model_cost_usd_total", "What calls of a known price cost", by_provider)
        self._lookups = Counter("folkmoot_model_cache_total", "Answers looked up before a model is asked", ("outcome",))

    @property
    def metrics(self) -> tuple[Metric, ...]:
        return self._calls, self._seconds, self._tokens, self._cost, self._lookups

    def answered(self, provider: str, usage: Usage) -> None:
        self._calls.add(provider, "answered")
        self._seconds.observe(usage.latency_seconds, provider)
        self._count(provider, usage)

    def failed(self, provider: str, fault: ModelFault) -> None:
        self._calls.add(provider, fault.code)
        if fault.usage is not None:
            self._count(provider, fault.usage)

    def looked_up(self, *, is_known: bool) -> None:
        """An answer was looked for among those that are kept."""
        self._lookups.add("hit" if is_known else "miss")

    def _count(self, provider: str, usage: Usage) -> None:
        self._tokens.add(provider, "in", amount=usage.input_tokens)
        self._tokens.add(provider, "out", amount=usage.output_tokens)
        if usage.cost is not None:
            self._cost.add(provider, amount=float(usage.cost))
