"""What is attached to a room, in its messages; by itself it is a document like any other."""

from pydantic import BaseModel, ConfigDict

from folkmoot.knowledge.rules import MediaType, Status


class MessageAttachment(BaseModel):
    """An attachment as it was when the message was sent; `size` is the length of its text in characters.

    How it is now its document says. It stays in the message when that is deleted.
    """

    model_config = ConfigDict(
        from_attributes=True,
        json_schema_extra={
            "examples": [
                {
                    "document_id": "01a1fdeb-4f0a-75cd-995a-150d2dd2255b",
                    "title": "README.md",
                    "media_type": "text/markdown",
                    "size": 58,
                    "status": "ready",
                }
            ]
        },
    )

    document_id: str
    title: str
    media_type: MediaType
    size: int
    status: Status
