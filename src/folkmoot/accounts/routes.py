"""Logins over HTTP, and tickets for sockets."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form
from starlette.requests import Request
from starlette.responses import Response

from folkmoot.accounts import logins
from folkmoot.accounts.cookies import REFRESH, Cookies
from folkmoot.accounts.deps import AccountsState, Known, MaybeKnown
from folkmoot.accounts.door import CsrfRefused
from folkmoot.accounts.logins import Opened, WrongCredentials
from folkmoot.accounts.schemas import AdminLogin, Login, LoginView, Refresh, Secret, TicketView
from folkmoot.accounts.throttle import TooManyLogins
from folkmoot.http.deps import Db
from folkmoot.http.problems import problems
from folkmoot.http.text import Line

router = APIRouter(prefix="/api", tags=["accounts"])


class Browser:
    """Whoever waits for the answer, as far as cookies and addresses go."""

    def __init__(self, request: Request, response: Response) -> None:
        self._cookies = Cookies(request.scope, dict(request.scope["headers"]))
        self._response = response
        self.address = request.client.host if request.client else None

    @property
    def refresh_token(self) -> str | None:
        return self._cookies.get(REFRESH)

    def keep(self, opened: Opened) -> LoginView:
        self._cookies.give(self._response, opened.view.access_token, opened.refresh_token)
        return opened.view

    def forget(self) -> None:
        self._cookies.take(self._response)


async def _browser(request: Request, response: Response) -> Browser:
    return Browser(request, response)


Peer = Annotated[Browser, Depends(_browser)]
_LOGIN = problems(WrongCredentials, TooManyLogins)


@router.post("/login", responses=_LOGIN)
async def login(login: Login, db: Db, accounts: AccountsState, browser: Peer) -> LoginView:
    """By e-mail address and password; sets cookies and answers the access token."""
    return browser.keep(await logins.login(db, accounts, login.name, login.password, browser.address))


@router.post("/login/access-token", responses=_LOGIN)
async def login_by_form(
    username: Annotated[Line, Form(examples=["ada@example.org"])],
    password: Annotated[Secret, Form(examples=["correct horse battery staple"])],
    db: Db,
    accounts: AccountsState,
    browser: Peer,
) -> LoginView:
    """As /login, in the password form of OAuth2: `username` is the e-mail address."""
    return browser.keep(await logins.login(db, accounts, username, password, browser.address))


@router.post("/login/token", responses=_LOGIN)
async def login_by_token(login: AdminLogin, db: Db, accounts: AccountsState, browser: Peer) -> LoginView:
    """Turns the admin token into a session of a browser."""
    return browser.keep(await logins.login_by_token(db, accounts, login.token, browser.address))


@router.post("/login/refresh", responses=problems(WrongCredentials, CsrfRefused))
async def refresh_login(db: Db, accounts: AccountsState, browser: Peer, refresh: Refresh | None = None) -> LoginView:
    """A new access token for the refresh token of the cookie or the body; one that was used ends its session."""
    given = (refresh and refresh.refresh_token) or browser.refresh_token
    return browser.keep(await logins.refresh(db, accounts, given, browser.address))


@router.post("/logout", status_code=204, responses=problems(CsrfRefused))
async def logout(db: Db, accounts: AccountsState, caller: MaybeKnown, browser: Peer) -> None:
    """Ends the session, its open sockets too; the refresh cookie alone is enough."""
    await logins.logout(db, accounts, caller, browser.refresh_token, browser.address)
    browser.forget()


@router.post("/socket-tickets", status_code=201)
async def create_socket_ticket(caller: Known, db: Db) -> TicketView:
    """For a socket that can send no header: opened once within half a minute with `?ticket=`."""
    return await logins.create_socket_ticket(db, caller)
