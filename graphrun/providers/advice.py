"""What to tell the user of a service to set, in the words of where it was set up: variables, or a profile. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from graphrun.errors import UsageError


@dataclass(frozen=True, slots=True)
class Advice:
    """Names of the settings of one service, and the next step for refusals that differ from service to service."""

    key: str  # the setting that holds the key
    base_url: str
    example: str  # an address as it should look
    check_key: str
    check_path: str
    billing: str
    no_model: str
    verification: str = "Verify the organization with the service"

    @classmethod
    def of_profile(cls, name: str, key: str | None) -> Self:
        """Return the advice for a profile of the user's own; ``key`` is where its key comes from, if it has one."""
        profile = f"profile {name!r}"
        return cls(
            key=f"{key or 'key'} of {profile}",
            base_url=f"base_url of {profile}",
            example="http://127.0.0.1:8000/v1",
            check_key=f"Check {key} of {profile}"
            if key
            else f"It wants a key: set key_variable or key_file in {profile}",
            check_path=f"Check base_url and paths of {profile}",
            billing="Add money or raise the limit at the service",
            no_model=f"name one it has in the node, or map it under models in {profile}",
        )


OPENAI_ADVICE = Advice(
    key="OPENAI_API_KEY",
    base_url="OPENAI_BASE_URL",
    example="https://api.openai.com/v1",
    check_key="Check OPENAI_API_KEY (and OPENAI_ORG_ID, OPENAI_PROJECT_ID): https://platform.openai.com/api-keys",
    check_path="Check OPENAI_BASE_URL: for OpenAI it ends in /v1",
    billing="Add money or raise the limit at https://platform.openai.com/settings/organization/billing",
    no_model=(
        "OpenAI has shut down dall-e-2, dall-e-3 and gpt-image-1; choose a living model such as gpt-image-2 in the "
        "node, or a service that still has it (OPENAI_BASE_URL)"
    ),
    verification="Verify the organization at https://platform.openai.com/settings/organization/general",
)

_COMFY_PREFIX = "comfyui-"
_OPENAI_PREFIX = "sk-"


def check_owner(setting: str, key: str, host: str, *, is_comfy: bool) -> None:
    """Raise UsageError for a key that by its look is another service's: it is worth nothing there, and much elsewhere.

    Source: openai-images.md, 3. ``is_comfy``: whether the service at ``host`` is set up as Comfy's proxy.
    """
    look = key.strip().lower()
    if look.startswith(_OPENAI_PREFIX) and (is_comfy or _is_at(host, "comfy.org")):
        raise UsageError(
            f"{setting} holds a key that looks like OpenAI's ({_OPENAI_PREFIX}…), and {host} is Comfy's: nothing was "
            f"sent, set an account key ({_COMFY_PREFIX}…) from https://platform.comfy.org"
        )
    if look.startswith(_COMFY_PREFIX) and (not is_comfy or _is_at(host, "openai.com")):
        raise UsageError(
            f"{setting} holds a key that looks like Comfy's ({_COMFY_PREFIX}…), and {host} is not theirs, so nothing "
            f"was sent: put it into COMFY_API_KEY and choose --provider comfy"
        )


def _is_at(host: str, domain: str) -> bool:
    return f".{host.lower().rstrip('.')}".endswith(f".{domain}")
