"""Every block of the README is executed."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import graphrun
from graphrun.cli.node_list import markdown_lines
from graphrun.providers.opening import open_profile
from graphrun.providers.profile_files import read_profiles
from graphrun.schedules import read_timetable
from graphrun_nodes import pack

PROJECT = Path(__file__).parents[1]
README = PROJECT / "README.md"
TEXT = README.read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[str]:
    """Return the README's blocks in a language."""
    return [body for name, body in BLOCKS if name == language]


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder with the example workflows, as in a checkout."""
    shutil.copytree(PROJECT / "workflows", tmp_path / "workflows")
    return tmp_path


@pytest.mark.parametrize("block", blocks("sh"), ids=lambda block: block.partition("\n")[0])
def test_commands_work(block: str, desk: Path) -> None:
    """Each command ends well after those above it. ``graphrun`` is this checkout's."""
    for line in block.splitlines():
        assert line.startswith("graphrun ")
        command = f'graphrun() {{ {sys.executable} -m graphrun "$@"; }}; {line}'
        done = subprocess.run(["bash", "-c", command], cwd=desk, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert done.stdout


@pytest.mark.parametrize("program", blocks("python"), ids=range(len(blocks("python"))))
def test_program_works(program: str, desk: Path) -> None:
    """Each program runs as it stands."""
    done = subprocess.run([sys.executable, "-c", program], cwd=desk, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def yaml_with(key: str) -> str:
    """Return the one YAML block that has this key at its top, or in what stands there."""
    (body,) = (body for body in blocks("yaml") if re.search(rf"^( {{2}})?{key}:", body, re.MULTILINE))
    return body


def test_workflow_works(desk: Path) -> None:
    """A YAML block is a workflow."""
    (desk / "workflows" / "readme.yaml").write_text(yaml_with("class_type"))
    assert graphrun.run(desk / "workflows" / "readme.yaml", output_dir=desk / "out").ok


def test_profiles_can_be_used(tmp_path: Path) -> None:
    """Each profile in the README describes a service that can be opened."""
    (body,) = blocks("toml")
    (tmp_path / "graphrun.toml").write_text(body)
    environ = {"AZURE_OPENAI_API_KEY": "0123456789", "GATEWAY_TOKEN": "0123456789"}
    profiles = read_profiles(tmp_path / "graphrun.toml")
    names = re.findall(r"^\[profiles\.(\w+)\]", body, re.MULTILINE)
    opened = [open_profile(profiles.find(name), environ) for name in names]
    assert [service.identity.partition(":")[0] for service in opened] == ["studio", "azure", "gateway"]


def test_schedule_file_works(desk: Path) -> None:
    """A YAML block is a schedule file for workflows and a job beside it."""
    shutil.copy(desk / "workflows" / "jobs" / "weather.yaml", desk / "workflows" / "jobs" / "sweep.yaml")
    (desk / "workflows" / "jobs" / "inpaint.yaml").symlink_to(desk / "workflows" / "inpaint.yaml")
    file = desk / "workflows" / "jobs" / "readme.yaml"
    file.write_text(yaml_with("schedules"))
    assert [*read_timetable(file).schedules] == ["nightly", "sweep"]


def test_recipes_are_files_of_their_kind() -> None:
    """A systemd unit, a manifest of Kubernetes, a workflow of GitHub Actions."""
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read_string(*blocks("ini"))
    assert unit["Service"]["RestartPreventExitStatus"] == "2"
    container = yaml.safe_load(yaml_with("kind"))["spec"]["template"]["spec"]["containers"][0]
    assert container["command"][:3] == ["graphrun", "schedule", "run"]
    assert yaml.safe_load(yaml_with("jobs"))["jobs"]["nightly"]["steps"]


@pytest.mark.parametrize(
    "words", sorted(set(re.findall(r"(?:/bin/|&& |run: )graphrun( .+)|command: \[graphrun,(.+)\]", TEXT)))
)
def test_recipes_name_commands_and_options_that_exist(words: tuple[str, str]) -> None:
    """Each is asked for its help."""
    command, *arguments = re.findall(r"[^\s,]+", "".join(words))
    path = [command, *arguments[:1]] if command == "schedule" else [command]
    asked = [sys.executable, "-m", "graphrun", *path, "--help"]
    done = subprocess.run(asked, capture_output=True, text=True, check=True)
    assert {word for word in arguments if word.startswith("--")} <= {*re.findall(r"--[\w-]+", done.stdout)}


def test_every_block_is_of_a_kind_that_is_executed() -> None:
    """No block escapes; the lines of a crontab are among the recipes."""
    assert {name for name, _ in BLOCKS} <= {"sh", "python", "yaml", "toml", "ini", "text"}
    assert all(re.match(r"(\S+ ){5}cd \S+ && graphrun ", line) for line in "".join(blocks("text")).splitlines())


def test_the_node_table_is_what_the_command_prints(pytestconfig: pytest.Config) -> None:
    """Between its two comments stands what `graphrun nodes list --markdown` says; ``--golden`` puts it there."""
    before, begin, rest = TEXT.partition("<!-- nodes: begin -->\n")
    table, end, after = rest.partition("<!-- nodes: end -->")
    expected = "".join(f"{line}\n" for line in markdown_lines(pack))
    if pytestconfig.getoption("golden"):
        README.write_text(before + begin + expected + end + after)
        table = expected
    assert table == expected, "the nodes changed: run this test with --golden"


def test_nodes_said_to_be_missing_are_not_there() -> None:
    """The list of what is left out is kept up to date."""
    after = TEXT.partition("<!-- nodes: end -->")[2].partition("\n## ")[0]
    assert not {node_type.name for node_type in pack} & set(re.findall(r"`(\w+)`", after))
