"""What routes may ask for of automation: ids, the postman."""

from typing import Annotated

from fastapi import Depends, Path
from starlette.requests import HTTPConnection

from folkmoot.automation.postman import Postman
from folkmoot.automation.queries import NoSuchDelivery, NoSuchSchedule, NoSuchWebhook
from folkmoot.kernel.ids import checked_id


async def _schedule_id(schedule_id: Annotated[str, Path(description="The schedule's id")]) -> str:
    return checked_id(schedule_id, NoSuchSchedule)


async def _webhook_id(webhook_id: Annotated[str, Path(description="The webhook's id")]) -> str:
    return checked_id(webhook_id, NoSuchWebhook)


async def _delivery_id(delivery_id: Annotated[str, Path(description="The delivery's id")]) -> str:
    return checked_id(delivery_id, NoSuchDelivery)


async def _postman(connection: HTTPConnection) -> Postman:
    postman: Postman = connection.app.state.postman
    return postman


ScheduleId = Annotated[str, Depends(_schedule_id)]
WebhookId = Annotated[str, Depends(_webhook_id)]
DeliveryId = Annotated[str, Depends(_delivery_id)]
Post = Annotated[Postman, Depends(_postman)]
