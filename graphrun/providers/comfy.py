"""Comfy's proxy at api.comfy.org: OpenAI's pictures for an account key and credits (openai-images.md, 3).

It knows idempotency keys: a call whose answer was lost may be sent again, and is made and billed once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from uuid import UUID

from blake3 import blake3

from graphrun.errors import ProviderError
from graphrun.providers.advice import check_owner
from graphrun.providers.api_key import Credentials
from graphrun.providers.base import ImageRequest
from graphrun.providers.comfy_errors import COMFY_ADVICE, comfy_error, comfy_loss
from graphrun.providers.dialect import Dialect, Paths
from graphrun.providers.downloads import DEFAULT_DELAYS
from graphrun.providers.http import DEFAULT_TIMEOUTS, Timeouts
from graphrun.providers.metered import Reply, Setback
from graphrun.providers.model_map import ModelMap
from graphrun.providers.openai import OpenAIImages
from graphrun.providers.openai_errors import Unsent
from graphrun.providers.openai_requests import WireForm
from graphrun.providers.retries import RetryPolicy
from graphrun.providers.tariff import Tariff

if TYPE_CHECKING:
    from graphrun.providers.http import AsgiApp, Transport

KEY_HEADER = "X-API-KEY"
OWN_PATH = "/proxy/"
COMFY_CAPACITY = 5  # of an account that has bought credits once; one that never has is refused for more than one
COMFY = Dialect(Paths("/proxy/openai/images/generations", "/proxy/openai/images/edits"))
COMFY_RETRIES = RetryPolicy.idempotent()


class ComfyImages(OpenAIImages):
    """The proxy as an image service; ``key`` is an account key. Options are those of `OpenAIImages`.

    Prices and shutdowns are those of OpenAI's models; what a call cost is in its answer's header X-Comfy-Credits-Used.
    """

    def __init__(
        self,
        base_url: str,
        key: str | Credentials,
        *,
        identity: str | None = None,
        transport: Transport | None = None,
        app: AsgiApp | None = None,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
        capacity: int = COMFY_CAPACITY,
        retries: RetryPolicy = COMFY_RETRIES,
        download_delays: Sequence[float] = DEFAULT_DELAYS,
        tariff: Tariff = Tariff.OPENAI,
        dialect: Dialect = COMFY,
        model_map: ModelMap | None = None,
    ) -> None:
        super().__init__(
            base_url,
            _credentials(key, base_url),
            identity=identity or f"comfy:{base_url.rstrip('/')}",
            transport=transport,
            app=app,
            timeouts=timeouts,
            capacity=capacity,
            retries=retries,
            download_delays=download_delays,
            tariff=tariff,
            dialect=dialect,
            model_map=model_map,
            advice=COMFY_ADVICE,
            own_path=OWN_PATH,
        )

    def _headers(self, form: WireForm, client_request_id: str) -> dict[str, str]:
        return {**super()._headers(form, client_request_id), "Idempotency-Key": idempotency_key(client_request_id)}

    def _refusal(self, request: ImageRequest, reply: Reply, body: bytes) -> tuple[Setback, ProviderError]:
        return comfy_error(f"image service {self.identity}", request, reply.status, reply.headers, body)

    def _loss(self, error: Unsent, reason: str, client_request_id: str) -> tuple[Setback, ProviderError]:
        return comfy_loss(f"image service {self.identity}", self._base_url, error, reason, client_request_id)


def idempotency_key(client_request_id: str) -> str:
    """Return the key of a call: the same for each of its attempts, another for another take.

    It follows from the id, and that from the request: so a process that dies between two attempts leaves the next one
    the key under which its call may have been made.
    """
    return UUID(bytes=blake3(client_request_id.encode()).digest(16), version=4).hex


def _credentials(key: str | Credentials, base_url: str) -> Credentials:
    if isinstance(key, Credentials):
        return key
    check_owner(COMFY_ADVICE.key, key, urlsplit(base_url).hostname or "", is_comfy=True)
    return Credentials.of_key(COMFY_ADVICE.key, key, KEY_HEADER)
