"""How what is written once becomes a method of both clients, typed for each."""

from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from functools import partial, update_wrapper
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from folkmoot.client.session import Session
from folkmoot.client.transport import finish, iterate
from folkmoot.client.wire import Call

P = ParamSpec("P")
T = TypeVar("T")


class Blocking:
    """A client whose calls answer results, and whose streams are iterated with `for`."""

    def __init__(self, session: Session) -> None:
        self.session = session

    @staticmethod
    def finished(work: Coroutine[object, None, T]) -> T:
        return finish(work)

    @staticmethod
    def iterated(items: AsyncGenerator[T, None]) -> Iterator[T]:
        return iterate(items)


class Awaiting:
    """A client whose calls are awaited, and whose streams are iterated with `async for`."""

    def __init__(self, session: Session) -> None:
        self.session = session

    @staticmethod
    def finished(work: Coroutine[object, None, T]) -> Coroutine[object, None, T]:
        return work

    @staticmethod
    def iterated(items: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
        return items


class Verb(Generic[P, T]):
    """A method that answers once."""

    def __init__(self, do: Callable[Concatenate[Session, P], Coroutine[Any, Any, T]]) -> None:
        self._do = do
        self.__doc__ = do.__doc__

    @overload
    def __get__(self, client: None, owner: type) -> "Verb[P, T]": ...
    @overload
    def __get__(self, client: Blocking, owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, client: Awaiting, owner: type) -> Callable[P, Coroutine[object, None, T]]: ...

    def __get__(self, client: Blocking | Awaiting | None, owner: type) -> object:
        return self if client is None else _method(partial(self._do, client.session), self._do, client.finished)


class Operation(Verb[P, T]):
    """A method that is one call."""

    def __init__(self, describe: Callable[P, Call[T]]) -> None:
        async def do(session: Session, /, *args: P.args, **kwargs: P.kwargs) -> T:
            return await session.call(describe(*args, **kwargs))

        super().__init__(update_wrapper(do, describe))
        self.describe = describe


class Following(Generic[P, T]):
    """A method that gives one item after the other."""

    def __init__(self, do: Callable[Concatenate[Session, P], AsyncGenerator[T, None]]) -> None:
        self._do = do
        self.__doc__ = do.__doc__

    @overload
    def __get__(self, client: None, owner: type) -> "Following[P, T]": ...
    @overload
    def __get__(self, client: Blocking, owner: type) -> Callable[P, Iterator[T]]: ...
    @overload
    def __get__(self, client: Awaiting, owner: type) -> Callable[P, AsyncGenerator[T, None]]: ...

    def __get__(self, client: Blocking | Awaiting | None, owner: type) -> object:
        return self if client is None else _method(partial(self._do, client.session), self._do, client.iterated)


def _method(bound: Callable[..., object], written: Callable[..., object], end: Callable[..., object]) -> object:
    """What `help` shows is the method as its caller sees it."""
    shown = getattr(written, "__wrapped__", bound)

    def method(*args: object, **kwargs: object) -> object:
        return end(bound(*args, **kwargs))

    method.__name__, method.__doc__ = written.__name__, written.__doc__
    vars(method)["__wrapped__"] = shown
    return method
