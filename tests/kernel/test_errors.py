"""A Problem carries its status, code, sentence and facts from the class it was raised as."""

from folkmoot.kernel.errors import NotFound, Problem


class NoSuchKettle(NotFound):
    """Kettle not found"""


class TeapotOnly(Problem):
    """I am a teapot"""

    status = 418
    code = "short_and_stout"


def test_code_and_sentence_come_from_the_class() -> None:
    problem = NoSuchKettle(kettle_id="k")
    assert (problem.status, problem.code, problem.retryable) == (404, "no_such_kettle", False)
    assert (str(problem), problem.facts) == ("Kettle not found", {"kettle_id": "k"})


def test_both_can_be_said_outright() -> None:
    assert TeapotOnly.code == "short_and_stout"
    assert str(TeapotOnly("no coffee here")) == "no coffee here"
