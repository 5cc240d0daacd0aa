"""The language of an answer: the request's ``language`` parameter, or else its ``Accept-Language``.

A link and an event stream cannot set the header, so the page adds the parameter to their addresses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders

from pneumoscope.languages.current import LANGUAGES, preferred, speaking
from pneumoscope.serve.problems import response

if TYPE_CHECKING:
    from fastapi.responses import JSONResponse
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from pneumoscope.errors import PneumoscopeError

PARAMETER = "language"


def language_of(scope: Scope) -> str:
    """The language that a request asks for, one of `LANGUAGES`."""
    query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
    wanted = query.get(PARAMETER, [""])[0]
    return (
        wanted
        if wanted in LANGUAGES
        else preferred(Headers(scope=scope).get("accept-language", ""))
    )


def response_to(scope: Scope, error: PneumoscopeError) -> JSONResponse:
    """The response to a request that failed before any middleware saw it, in its language."""
    language = language_of(scope)
    with speaking(language):
        answer = response(error, scope["path"])
    _name_language(answer.headers, language)
    return answer


def _name_language(headers: MutableHeaders, language: str) -> None:
    headers.setdefault("content-language", language)
    headers.add_vary_header("Accept-Language")


class ReaderLanguage:
    """Middleware: a request is answered in its language, and JSON answers name it.

    Args:
        app: The application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        language = language_of(scope)

        async def send_with_language(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if "json" in headers.get("content-type", ""):
                    _name_language(headers, language)
            await send(message)

        with speaking(language):
            await self.app(scope, receive, send_with_language)
