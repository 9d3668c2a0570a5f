"""What routes may ask for of automation: ids, the guarded client, the postman."""

from typing import Annotated

from fastapi import Depends, Path
from starlette.requests import HTTPConnection

from folkmoot.automation.postman import Postman
from folkmoot.automation.queries import NoSuchDelivery, NoSuchSchedule, NoSuchWebhook
from folkmoot.kernel.ids import is_id
from folkmoot.net.client import GuardedClient


async def _schedule_id(schedule_id: Annotated[str, Path(description="The schedule's id")]) -> str:
    """What is no id names no schedule."""
    if not is_id(schedule_id):
        raise NoSuchSchedule
    return schedule_id.lower()


async def _webhook_id(webhook_id: Annotated[str, Path(description="The webhook's id")]) -> str:
    """What is no id names no webhook."""
    if not is_id(webhook_id):
        raise NoSuchWebhook
    return webhook_id.lower()


async def _delivery_id(delivery_id: Annotated[str, Path(description="The delivery's id")]) -> str:
    """What is no id names no delivery."""
    if not is_id(delivery_id):
        raise NoSuchDelivery
    return delivery_id.lower()


async def _outgoing(connection: HTTPConnection) -> GuardedClient:
    client: GuardedClient = connection.app.state.outgoing
    return client


async def _postman(connection: HTTPConnection) -> Postman:
    postman: Postman = connection.app.state.postman
    return postman


ScheduleId = Annotated[str, Depends(_schedule_id)]
WebhookId = Annotated[str, Depends(_webhook_id)]
DeliveryId = Annotated[str, Depends(_delivery_id)]
Outgoing = Annotated[GuardedClient, Depends(_outgoing)]
Post = Annotated[Postman, Depends(_postman)]
