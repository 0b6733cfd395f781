"""The file of prices and lifetimes: ours is whole, a user's own goes over it, and faults are named."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from decimal import Decimal
from importlib.resources import files
from pathlib import Path

import pytest

from graphrun import UsageError
from graphrun.providers.model_data import ModelData, undated
from graphrun.providers.model_table import known_abilities
from graphrun.providers.plain_yaml import NotPlain, read_plain_yaml

HEAD = "version: 1\nas_of: 2027-03-01\n"


def loaded(tmp_path: Path, text: str) -> ModelData:
    path = tmp_path / "prices.yaml"
    path.write_text(HEAD + text, "utf-8")
    return ModelData.load(path)


def refusal(tmp_path: Path, text: str) -> str:
    with pytest.raises(UsageError) as caught:
        loaded(tmp_path, text)
    return str(caught.value)


def test_every_model_we_know_the_abilities_of_has_its_facts_and_no_other() -> None:
    """The two tables are about the same models, and every fact names where it was read."""
    data = ModelData.load()
    assert all(known_abilities(model) for model in data.models)
    assert all(facts.sources for facts in data.models.values())
    assert {source for facts in data.models.values() for source in facts.sources} <= set(data.sources)
    assert all(facts.as_of == date(2026, 11, 20) for facts in data.models.values())


def test_qualities_and_sizes_that_are_priced_are_those_that_can_be_asked_for() -> None:
    """Prices leave out no quality of a model and name no size that it refuses."""
    for model, facts in ModelData.load().models.items():
        abilities = known_abilities(model)
        assert abilities is not None
        priced = facts.output_factors or facts.picture_usd
        if priced is not None:
            assert set(priced) == set(abilities.choices["quality"] or ()) - {"auto"}
        for sizes in (facts.picture_usd or {}).values():
            assert set(sizes) == set(abilities.sizes or ()) - {"auto"}


def test_a_file_of_one_s_own_replaces_models_whole_and_leaves_the_others(tmp_path: Path) -> None:
    """What it does not say of a model it names is unknown; its date goes with its models only."""
    own = """
models:
  gpt-image-2:
    shutdown: 2027-06-01
    rates: {text_input: 1, image_input: 0.1, image_output: 3}
  my-model: {picture_usd: {standard: {64x64: 0.1}}}
"""
    data, ours = loaded(tmp_path, own), ModelData.load()
    changed = data.models["gpt-image-2"]
    assert changed.rates is not None
    assert changed.rates.image_input == Decimal("0.1")
    assert (changed.output_factors, changed.released, changed.as_of) == (None, None, date(2027, 3, 1))
    assert data.models["my-model"].picture_usd == {"standard": {"64x64": Decimal("0.1")}}
    assert data.models["gpt-image-1"] == ours.models["gpt-image-1"]
    assert data.credits_per_usd == ours.credits_per_usd == 211


def test_a_file_of_one_s_own_may_bring_credits_and_sources(tmp_path: Path) -> None:
    """A source is described in it or in ours."""
    own = """
credits_per_usd: 200
sources: {bill: {read: 2027-03, tells: my own bill}}
models: {dall-e-2: {sources: [bill, comfy-pricing]}}
"""
    data = loaded(tmp_path, own)
    assert data.credits_per_usd == 200
    assert data.sources["bill"].tells == "my own bill"
    assert data.models["dall-e-2"].sources == ("bill", "comfy-pricing")


def test_a_snapshot_is_known_by_its_model_unless_it_is_named(tmp_path: Path) -> None:
    """gpt-image-2-2026-04-21 costs what gpt-image-2 costs; a name that only begins alike is another model."""
    data = ModelData.load()
    assert data.facts("gpt-image-2-2026-04-21") is data.models["gpt-image-2"]
    assert data.facts("gpt-image-2-turbo") is None
    assert undated("gpt-image-2.5-flare-2026-09-08") == "gpt-image-2.5-flare"
    own = loaded(tmp_path, "models: {gpt-image-2-2026-04-21: {shutdown: 2027-04-21}}")
    facts = own.facts("gpt-image-2-2026-04-21")
    assert facts is not None
    assert facts.shutdown == date(2027, 4, 21)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("models: {m: {price: 3}}", "models.m.price: Extra inputs are not permitted"),
        ("models: {m: {shutdown: soon}}", "models.m.shutdown: Input should be a valid date"),
        ("models: {m: {picture_usd: {low: {64x64: -1}}}}", "models.m.picture_usd.low.64x64: Input should be greater"),
        ("models: {m: {picture_usd: {low: {64x64: .nan}}}}", "models.m.picture_usd.low.64x64: Input should be a valid"),
        ("models: {m: {picture_usd: {low: {big: 1}}}}", "models.m.picture_usd.low.big"),
        ("models: {m: {output_factors: {low: 16}}}", "models.m: Value error, output_factors need rates and auto_sizes"),
        ("models: {m: {reference_tokens: {low: 1, high: 2}}}", "models.m: Value error, reference_tokens need rates"),
        (
            "models: {m: {reference_tokens: {low: 3, high: 2}}}",
            "models.m.reference_tokens: Value error, low (3) is above high (2)",
        ),
        ("models: {m: {sources: [hearsay]}}", "models.m names the source 'hearsay': describe it"),
        ("models: {m: {}, m: {}}", "line 3 repeats the key 'm': keep one"),
        ("models: [", "no YAML: "),
        ("credits_per_usd: 0", "credits_per_usd: Input should be greater than 0"),
        ("modles: {}", "modles: Extra inputs are not permitted"),
    ],
)
def test_a_faulty_file_is_refused_with_its_name_and_the_place(tmp_path: Path, text: str, said: str) -> None:
    """Prices are money: nothing is guessed at or skipped."""
    message = refusal(tmp_path, text)
    assert message.startswith("the model file prices.yaml: ")
    assert said in message


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    """A user mends a file in one go."""
    message = refusal(tmp_path, "models: {a: {shutdown: x}, b: {released: y}}")
    assert "models.a.shutdown" in message
    assert "models.b.released" in message


def test_a_file_that_is_missing_empty_or_no_text_is_refused(tmp_path: Path) -> None:
    """Each with what to do."""
    with pytest.raises(UsageError, match=r"none\.yaml can't be read \(No such file or directory\): name another"):
        ModelData.load(tmp_path / "none.yaml")
    (tmp_path / "empty.yaml").touch()
    with pytest.raises(UsageError, match="version: Field required; as_of: Field required"):
        ModelData.load(tmp_path / "empty.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"version: 1 # \xe9")
    with pytest.raises(UsageError, match="is no text in UTF-8"):
        ModelData.load(tmp_path / "latin.yaml")


def test_plain_yaml_guesses_at_nothing() -> None:
    """Scalars stay texts; an alias is its anchor, and what never ends is refused."""
    assert read_plain_yaml("a: &x {n: 0.10, no: no}\nb: *x\nc: [2026-01-01, *x]") == {
        "a": {"n": "0.10", "no": "no"},
        "b": {"n": "0.10", "no": "no"},
        "c": ["2026-01-01", {"n": "0.10", "no": "no"}],
    }
    for endless in ("&x [*x]", "&x {a: *x}", "[" * 5000):
        with pytest.raises(NotPlain, match="no YAML"):
            read_plain_yaml(endless)


def test_the_file_belongs_to_the_package() -> None:
    """It is found as an installed package finds it."""
    assert files("graphrun").joinpath("data", "models.yaml").is_file()


def test_prices_and_maps_need_nothing_heavy() -> None:
    """``check`` tells prices and dead models without torch, numpy, Pillow or httpx."""
    program = """
import sys
from datetime import date
from graphrun.providers.ask import Ask
from graphrun.providers.model_data import ModelData
from graphrun.providers.model_map import ModelMap
from graphrun.providers.prices import estimate
from graphrun.providers.remedies import remedy
import graphrun.providers.local_resize
data, ask, suggested = ModelData.load(), Ask("dall-e-2", {"size": None}), ModelMap.suggested()
assert estimate(suggested.translated_ask(ask).ask, data)
assert remedy(ask, date(2026, 11, 20), data, suggested)
print({"torch", "numpy", "PIL", "httpx"} & set(sys.modules))
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
