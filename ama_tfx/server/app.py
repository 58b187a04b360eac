"""The REST API, read-only: what is there, and what is it made of."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from ama_tfx.errors import AmaError, MissingExtraError
from ama_tfx.registry import Registry

try:
    from fastapi import FastAPI, Request, Response
    from fastapi.middleware.trustedhost import TrustedHostMiddleware
    from fastapi.responses import JSONResponse
except ImportError as error:
    raise MissingExtraError("server", "the REST API") from error

HTTP_STATUS = {"invalid_input": 400, "permission_denied": 403, "not_found": 404, "conflict": 409, "backend": 503}
"""HTTP's word for an error's ``code``; any other is the server's own fault, 500."""


LOOPBACK = ("127.0.0.1", "localhost")
"""The names under which a server on the loopback interface is asked; any other is a web page's that poses as one."""

_TOLD = {"invalid_input", "not_found", "conflict"}
"""Errors whose message is about the question; that of any other may hold paths and addresses of the server."""


def create_app(registry: Registry, *, allowed_hosts: Sequence[str] = LOOPBACK) -> FastAPI:
    """Return an ASGI application that answers from a registry.

    It knows no users yet: serve it on the loopback interface only, as in
    ``uvicorn.run(create_app(registry), host="127.0.0.1")``. It never sends the content of an asset.

    Args:
        registry: What it answers from.
        allowed_hosts: The names in ``Host`` that are answered; ``*.example.com`` stands for every name below it.
    """
    app = FastAPI(title="ama-tfx registry", docs_url=None, redoc_url=None, redirect_slashes=False)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(allowed_hosts), www_redirect=False)

    @app.middleware("http")
    async def add_headers(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await answer(request)
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    @app.exception_handler(AmaError)
    def explain(_: Request, error: AmaError) -> JSONResponse:
        message = str(error) if error.code in _TOLD else "the server cannot answer this; its operator can see why"
        body = {"error": {"code": error.code, "message": message}}
        return JSONResponse(body, status_code=HTTP_STATUS.get(error.code, 500))

    @app.get("/v1/assets")
    def assets() -> list[dict[str, Any]]:
        return [
            {"asset": asset.name.name, "workspace": asset.name.workspace, "versions": asset.version_count}
            for asset in registry.assets()
        ]

    @app.get("/v1/versions")
    def versions(asset: str) -> list[dict[str, Any]]:
        return [version.to_json() for version in registry.versions(asset)]

    @app.get("/v1/version")
    def version(reference: str) -> dict[str, Any]:
        return registry.show(reference).to_json()

    return app
