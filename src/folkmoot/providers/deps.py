"""What a route may ask for of the providers' room."""

from typing import Annotated

from fastapi import Depends, Path
from starlette.requests import HTTPConnection

from folkmoot.providers.rules import NAME
from folkmoot.providers.vault import Vault


async def _vault(connection: HTTPConnection) -> Vault:
    vault: Vault = connection.app.state.vault
    return vault


Secrets = Annotated[Vault, Depends(_vault)]
SecretName = Annotated[str, Path(pattern=NAME, description="The secret's name")]
