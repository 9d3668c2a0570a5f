"""What was counted is told as Prometheus reads it."""

from time import perf_counter

from folkmoot.http.figures import Figures
from folkmoot.kernel.metrics import Counter, Gauge, Histogram, exposition

_CALLS = 20_000


def test_a_counter_adds_up_for_each_combination_of_labels() -> None:
    counter = Counter("calls_total", "Calls", ("provider", "outcome"))
    counter.add("openai", "answered")
    counter.add("openai", "answered", amount=2)
    counter.add("ollama", "rate_limited")
    assert [*counter.lines()] == [
        "# HELP calls_total Calls",
        "# TYPE calls_total counter",
        'calls_total{provider="openai",outcome="answered"} 3',
        'calls_total{provider="ollama",outcome="rate_limited"} 1',
    ]


def test_a_counter_without_labels_begins_at_zero() -> None:
    assert [*Counter("calls_total", "Calls").lines()][2:] == ["calls_total 0"]


def test_a_label_cannot_break_out_of_its_quotes() -> None:
    gauge = Gauge("here", "Here", {('a"} 1\nfake 2\\',): 1.0}, ("name",))
    assert [*gauge.lines()][2:] == [r'here{name="a\"} 1\nfake 2\\"} 1.0']


def test_a_histogram_counts_a_value_in_every_bucket_it_fits_into() -> None:
    histogram = Histogram("wait_seconds", "Waited", bounds=(0.5, 1.0))
    for value in (0.25, 0.5, 0.75, 4.0):
        histogram.observe(value)
    assert exposition([histogram]) == (
        "# HELP wait_seconds Waited\n"
        "# TYPE wait_seconds histogram\n"
        'wait_seconds_bucket{le="0.5"} 2\n'
        'wait_seconds_bucket{le="1.0"} 3\n'
        'wait_seconds_bucket{le="+Inf"} 4\n'
        "wait_seconds_sum 5.5\n"
        "wait_seconds_count 4\n"
    )


def test_a_histogram_with_labels_has_one_spread_for_each_combination() -> None:
    histogram = Histogram("wait_seconds", "Waited", ("kind",), bounds=(0.5,))
    histogram.observe(0.25, "team")
    histogram.observe(2.0, "task")
    assert [*histogram.lines()][2:] == [
        'wait_seconds_bucket{kind="team",le="0.5"} 1',
        'wait_seconds_bucket{kind="team",le="+Inf"} 1',
        'wait_seconds_sum{kind="team"} 0.25',
        'wait_seconds_count{kind="team"} 1',
        'wait_seconds_bucket{kind="task",le="0.5"} 0',
        'wait_seconds_bucket{kind="task",le="+Inf"} 1',
        'wait_seconds_sum{kind="task"} 2.0',
        'wait_seconds_count{kind="task"} 1',
    ]


def test_methods_and_statuses_are_few_whatever_is_sent() -> None:
    figures = Figures()
    for method, status in (("GET", 200), ("GET", 204), ("BREW", 418), ("XYZ", 404)):
        figures.answered(method, status, 0.001)
    assert [*figures.requests.lines()][2:] == [
        'folkmoot_http_requests_total{method="GET",status="2xx"} 2',
        'folkmoot_http_requests_total{method="other",status="4xx"} 2',
    ]


def test_counting_a_request_costs_next_to_nothing() -> None:
    """Below 5 us each, in the best of some rounds: a busy machine is no finding."""
    figures = Figures()
    rounds = []
    for _ in range(5):
        began = perf_counter()
        for _ in range(_CALLS):
            figures.answered("GET", 200, 0.003)
        rounds.append((perf_counter() - began) / _CALLS)
    assert min(rounds) < 5e-6
