"""Calls of accounts. Written by `make docs`."""

from folkmoot.client import wire
from folkmoot.client.resources.accounts import Login, Ticket
from folkmoot.client.wire import Call


def login(password: str, *, username: str | None = None, email: str | None = None) -> Call[Login]:
    """By e-mail address and password; sets cookies and answers the access token."""
    return Call(
        "POST", "/api/login", wire.one(Login), body={"username": username, "email": email, "password": password}
    )


def login_by_form(username: str, password: str) -> Call[Login]:
    """As /login, in the password form of OAuth2: `username` is the e-mail address."""
    return Call(
        "POST",
        "/api/login/access-token",
        wire.one(Login),
        body={"username": username, "password": password},
        is_form=True,
    )


def login_by_token(token: str) -> Call[Login]:
    """Turns the admin token into a session of a browser."""
    return Call("POST", "/api/login/token", wire.one(Login), body={"token": token})


def refresh_login(*, refresh_token: str | None = None) -> Call[Login]:
    """A new access token for the refresh token of the cookie or the body; one that was used ends its session."""
    return Call("POST", "/api/login/refresh", wire.one(Login), body={"refresh_token": refresh_token})


def logout() -> Call[None]:
    """Ends the session, its open sockets too; the refresh cookie alone is enough."""
    return Call("POST", "/api/logout", wire.nothing)


def create_socket_ticket() -> Call[Ticket]:
    """For a socket that can send no header: opened once within half a minute with `?ticket=`."""
    return Call("POST", "/api/socket-tickets", wire.one(Ticket))
