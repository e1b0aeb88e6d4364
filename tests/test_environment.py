"""The lock, environment.yml and pyproject.toml say the same, and the tests run in what they say."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements.lock"


def read_lock(text: str) -> dict[str, Version]:
    """Name and version of everything in a lock; fails on a line that pins nothing exactly."""
    pinned: dict[str, Version] = {}
    for entry in re.sub(r"\s*\\\n\s*", " ", text).splitlines():
        if not entry.strip() or entry.lstrip().startswith("#"):
            continue
        match = re.fullmatch(r"([A-Za-z0-9._-]+)==(\S+?)((?: --hash=sha256:[0-9a-f]{64})+)", entry)
        assert match, f"not one exact version with its hashes: {entry[:100]}"
        name = str(canonicalize_name(match[1]))
        assert name not in pinned, f"{name} is pinned twice"
        pinned[name] = Version(match[2])
    return pinned


def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def asked_for() -> list[Requirement]:
    """All that pyproject.toml asks for: to build, to run, to test and to lint."""
    project = pyproject()["project"]
    extras = project["optional-dependencies"].values()
    build = pyproject()["build-system"]["requires"]
    every = [*build, *project["dependencies"], *(text for extra in extras for text in extra)]
    return [Requirement(text) for text in every]


def drift(environment: dict[str, Any], pinned: dict[str, Version], python: str) -> list[str]:
    """Where what conda is offered differs from the lock."""
    told = []
    plain = [entry for entry in environment["dependencies"] if isinstance(entry, str)]
    pip = [entry for entry in environment["dependencies"] if isinstance(entry, dict)]
    if [entry.get("pip") for entry in pip] != [["-r requirements.lock"]]:
        told.append("pip is to install requirements.lock and nothing else")
    for entry in plain:
        name, _, wanted = entry.partition(" ")
        if name == "python":
            if SpecifierSet(wanted) != SpecifierSet(python):
                told.append(f"Python {wanted}, and {python} in pyproject.toml")
        elif name != "pip":
            told.append(f"{name} comes from the lock, not from conda")
            if wanted and str(pinned.get(name, "")) != wanted.lstrip("="):
                told.append(f"{name} {wanted} differs from the lock")
    return told


@pytest.fixture(scope="module")
def pinned() -> dict[str, Version]:
    return read_lock(LOCK.read_text(encoding="utf-8"))


def test_the_lock_pins_all_that_pyproject_asks_for(pinned: dict[str, Version]) -> None:
    for requirement in asked_for():
        name = canonicalize_name(requirement.name)
        assert name in pinned, f"{name} is not in the lock: `make lock`"
        assert requirement.specifier.contains(pinned[name], prereleases=True), (
            f"the lock has {name} {pinned[name]}, pyproject.toml asks for {requirement.specifier}"
        )


def test_the_lock_holds_pins_and_hashes_and_no_address() -> None:
    text = LOCK.read_text(encoding="utf-8")
    assert "://" not in text
    pin, hash_ = r"[\w.-]+==\S+( ; [^\\]+)? \\", r"    --hash=sha256:[0-9a-f]{64}( \\)?"
    line = re.compile(rf"{pin}|{hash_}|(    )?#.*|")
    others = [one for one in text.splitlines() if not line.fullmatch(one)]
    assert not others, "such as an option that says where packages come from"


def test_conda_users_get_the_versions_of_the_lock(pinned: dict[str, Version]) -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert drift(environment, pinned, pyproject()["project"]["requires-python"]) == []


def test_a_drift_of_environment_yml_is_noticed(pinned: dict[str, Version]) -> None:
    drifted = {
        "dependencies": [
            "python >=3.9",
            "pip",
            "numpy =1.0",
            {"pip": ["-r requirements.lock", "scipy"]},
        ]
    }
    told = drift(drifted, pinned, ">=3.11,<3.15")
    assert len(told) == 4, told


def needed_by(name: str, extras: frozenset[str], machine: dict[str, str]) -> Iterator[Requirement]:
    for text in metadata.requires(name) or []:
        requirement = Requirement(text)
        for extra in extras | {""}:
            if not requirement.marker or requirement.marker.evaluate({**machine, "extra": extra}):
                yield requirement
                break


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13", "3.14"])
@pytest.mark.parametrize(
    ("platform", "system", "processor"),
    [("linux", "Linux", "x86_64"), ("linux", "Linux", "aarch64"), ("darwin", "Darwin", "arm64")],
)
def test_the_lock_is_whole_on_other_machines(
    pinned: dict[str, Version], python: str, platform: str, system: str, processor: str
) -> None:
    """What a pinned package needs there, by its own word, is pinned too, at a version it takes."""
    machine = {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "sys_platform": platform,
        "platform_system": system,
        "platform_machine": processor,
        "os_name": "posix",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = [(r.name, frozenset(r.extras)) for r in asked_for()]
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        for requirement in needed_by(name, extras, machine):
            key = canonicalize_name(requirement.name)
            assert key in pinned, f"{name} needs {requirement} there, which the lock lacks"
            assert requirement.specifier.contains(pinned[key], prereleases=True), (
                f"{name} needs {requirement}; the lock has {pinned[key]}"
            )
            waiting.append((key, frozenset(requirement.extras)))


def test_the_tests_run_with_the_versions_of_the_lock(pinned: dict[str, Version]) -> None:
    installed = {name: Version(metadata.version(name)) for name in pinned}
    assert installed == pinned
