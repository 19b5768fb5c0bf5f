"""Responses: a record, an empty body, or a refusal in the form that the switches choose."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from clientary_mcp.sandbox.controls.switches import Switches

Errors = dict[str, list[str]]

_NOT_FOUND_PAGE = (
    "<!DOCTYPE html><html><head><title>The page you were looking for doesn't exist (404)</title></head>"
    "<body><h1>The page you were looking for doesn't exist.</h1></body></html>"
)


class RefusalError(Exception):
    """The request is refused; nothing was changed."""

    def __init__(self, status: int, message: str, fields: Mapping[str, list[str]] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.fields = dict(fields or {})

    @property
    def sentences(self) -> list[str]:
        """The refusal as sentences, one per message."""
        named = [
            message if name == "base" else f"{name.replace('_', ' ').capitalize()} {message}"
            for name, messages in self.fields.items()
            for message in messages
        ]
        return named or [self.message]


class UnknownRouteError(Exception):
    """The path does not exist, or not for this method."""


def invalid(fields: Mapping[str, list[str]]) -> RefusalError:
    """A record that cannot be stored, with the reasons by field."""
    return RefusalError(422, "Unprocessable Entity", fields)


def not_found() -> RefusalError:
    """No record with this id exists, or not under this parent."""
    return RefusalError(404, "Not Found")


def refuse(refusal: RefusalError, switches: Switches) -> Response:
    """The refusal on the wire."""
    text = ", ".join(refusal.sentences)
    status = refusal.status
    match switches.error_body:
        case "fields":
            return JSONResponse(refusal.fields or {"error": refusal.message}, status)
        case "errors":
            fields = refusal.fields or {"base": [refusal.message]}
            return JSONResponse({"error": refusal.message, "errors": fields}, status)
        case "error_text":
            return JSONResponse({"error": text}, status)
        case "array":
            return JSONResponse(refusal.sentences, status)
        case "text":
            return PlainTextResponse(text, status)
        case "html":
            return HTMLResponse(f"<!DOCTYPE html><html><body><h1>{text}</h1></body></html>", status)
        case "empty":
            return Response(status_code=status)


def page_not_found() -> Response:
    """The page for an unknown path."""
    return HTMLResponse(_NOT_FOUND_PAGE, 404)


def updated(record: Any, switches: Switches) -> Response:
    """The answer to a PUT that worked."""
    if switches.put_reply == "record":
        return JSONResponse(record)
    return Response(status_code=204 if switches.put_reply == "empty_204" else 200)


def deleted(switches: Switches) -> Response:
    """The answer to a DELETE that worked."""
    return Response(status_code=204 if switches.delete_reply == "empty_204" else 200)
