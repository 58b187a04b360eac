"""The REST API, read-only: what is there, and what is it made of."""

from __future__ import annotations

from typing import Any

from ama_tfx.errors import AmaError, MissingExtraError
from ama_tfx.registry import Registry

try:
    from fastapi import FastAPI, Request
    from fastapi.responses import JSONResponse
except ImportError as error:
    raise MissingExtraError("server", "the REST API") from error

HTTP_STATUS = {"invalid_input": 400, "permission_denied": 403, "not_found": 404, "conflict": 409, "backend": 503}
"""HTTP's word for an error's ``code``; any other is the server's own fault, 500."""


def create_app(registry: Registry) -> FastAPI:
    """Return an ASGI application that answers from a registry.

    It knows no users yet: serve it on the loopback interface only, as in
    ``uvicorn.run(create_app(registry), host="127.0.0.1")``. It never sends the content of an asset.
    """
    app = FastAPI(title="ama-tfx registry", docs_url=None, redoc_url=None)

    @app.exception_handler(AmaError)
    def explain(_: Request, error: AmaError) -> JSONResponse:
        body = {"error": {"code": error.code, "message": str(error)}}
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
