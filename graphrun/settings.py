"""What a user sets once for all runs: ``GRAPHRUN_…`` variables, or arguments."""

from __future__ import annotations

import os
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from graphrun.errors import UsageError
from graphrun.kernel.folders import Folders


class Settings(BaseSettings):
    """Defaults of an engine. Each field is read from ``GRAPHRUN_<NAME>`` unless it is given; an empty one is not set.

    ``image_width`` is how many image calls run at once (default: as the service allows); ``offline_latency`` is how
    long, in seconds, the offline service takes. ``cache_bytes`` bounds the cache on disk, ``memory_bytes`` the one in
    memory. ``max_cost`` is what a run may cost in USD, ``max_cost_per_day`` what the calls of a day to one service may,
    ``max_images`` how many pictures a run may buy; ``none`` is no cap. ``prices`` is a file of prices and shutdowns
    that counts before the one graphrun brings; ``model_map`` names, by model, the one to ask instead.
    ``config`` is the user's profile file, and ``trust_profiles`` lets the one beside a workflow say as much as that.
    """

    model_config = SettingsConfigDict(env_prefix="GRAPHRUN_", env_ignore_empty=True, extra="ignore", frozen=True)

    provider: str | None = None
    input_dir: Path | None = None
    output_dir: Path | None = None
    temp_dir: Path | None = None
    data_dir: Path | None = None
    threads: int = Field(default_factory=lambda: os.cpu_count() or 2, ge=1)
    image_width: int | None = Field(default=None, ge=1)
    cache_dir: Path | None = None
    cache_bytes: int = Field(default=20 * 10**9, ge=0)
    memory_bytes: int = Field(default=10**9, ge=0)
    offline_latency: float = Field(default=0.0, ge=0)
    max_cost: Decimal | None = Field(default=Decimal(5), ge=0, allow_inf_nan=False)
    max_cost_per_day: Decimal | None = Field(default=None, ge=0, allow_inf_nan=False)
    max_images: int | None = Field(default=None, ge=0)
    prices: Path | None = None
    model_map: Mapping[str, str] = Field(default_factory=dict)
    config: Path | None = None
    trust_profiles: bool = False

    @field_validator("max_cost", "max_cost_per_day", "max_images", mode="before")
    @classmethod
    def _none_is_no_cap(cls, value: object) -> object:
        return None if isinstance(value, str) and value.strip().lower() == "none" else value

    def folders(
        self,
        workflow: Path | None,
        *,
        input_dir: Path | None = None,
        output_dir: Path | None = None,
        temp_dir: Path | None = None,
    ) -> Folders:
        """Return the folders of one run; arguments win over settings, settings over defaults.

        Inputs default to ``input/`` beside the workflow file if it exists, else that file's folder (without a file:
        the current folder); outputs to ``output/`` in the current folder; previews to ``temp/`` below the outputs.
        """
        output = output_dir or self.output_dir or Path("output")
        return Folders(
            input=input_dir or self.input_dir or _default_input(workflow),
            output=output,
            temp=temp_dir or self.temp_dir or output / "temp",
        )

    def profile_file(self) -> Path | None:
        """Return the user's file of image services, if there is one. Raises UsageError where a named one is missing."""
        from platformdirs import user_config_path

        path = self.config or user_config_path("graphrun") / "graphrun.toml"
        if self.config is not None and not path.is_file():
            raise UsageError(f"GRAPHRUN_CONFIG={path}: there is no such file")
        return path if path.is_file() else None

    def data_folder(self) -> Path:
        """Return where records are kept that nothing could make again."""
        from platformdirs import user_data_path

        return self.data_dir or user_data_path("graphrun")

    def ledger_folder(self) -> Path:
        """Return where the record of paid calls is, and their raw answers."""
        return self.data_folder() / "ledger"

    def cache_folder(self) -> Path:
        """Return where results are kept from run to run."""
        from platformdirs import user_cache_path

        return self.cache_dir or user_cache_path("graphrun")


def settings_from_environment() -> Settings:
    """Return the settings from the environment. Raises UsageError naming each variable that makes no sense."""
    try:
        return Settings()
    except SettingsError as error:  # what should be JSON and is none
        raise UsageError(f'{error}: write GRAPHRUN_MODEL_MAP as {{"old": "new"}}') from None
    except ValidationError as error:
        faults = [f"{_variable(fault['loc'])}={fault['input']}: {fault['msg']}" for fault in error.errors()]
        raise UsageError("; ".join(faults)) from None


def _variable(location: tuple[int | str, ...]) -> str:
    name = ".".join(map(str, location)).upper()
    return name if name.startswith("GRAPHRUN_") else f"GRAPHRUN_{name}"


def _default_input(workflow: Path | None) -> Path:
    beside = workflow.parent if workflow else Path()
    return beside / "input" if (beside / "input").is_dir() else beside
