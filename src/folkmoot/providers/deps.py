"""What a route may ask for of the providers' room."""

from typing import Annotated

from fastapi import Depends, Path
from starlette.requests import HTTPConnection

from folkmoot.providers.catalogue import ModelCatalogue
from folkmoot.providers.rules import NAME
from folkmoot.providers.vault import Vault


async def _vault(connection: HTTPConnection) -> Vault:
    vault: Vault = connection.app.state.vault
    return vault


async def _catalogue(connection: HTTPConnection) -> ModelCatalogue:
    catalogue: ModelCatalogue = connection.app.state.catalogue
    return catalogue


Catalogue = Annotated[ModelCatalogue, Depends(_catalogue)]
Secrets = Annotated[Vault, Depends(_vault)]
SecretName = Annotated[str, Path(pattern=NAME, description="The secret's name")]
