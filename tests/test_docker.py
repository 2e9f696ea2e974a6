"""The files in docker/; the images themselves are built only on machines with an engine."""

import os
import re
import shlex
import stat
import subprocess
import sys
import tomllib
from contextlib import suppress
from importlib import metadata
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
import yaml
from conftest import REPOSITORY
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from msl.config import validated
from msl.service.settings import ServeConfig

FOLDER = REPOSITORY / "docker"
COMPOSE = yaml.safe_load((FOLDER / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
DOCKERFILES = sorted(FOLDER.glob("*.Dockerfile"))
OURS = ("server", "upgrade", "bucket")


def instructions(path: Path) -> list[tuple[str, str]]:
    text = re.sub(r"^#.*\n", "", path.read_text(), flags=re.M).replace("\\\n", " ")
    return [(line.partition(" ")[0], line.partition(" ")[2].strip()) for line in text.splitlines() if line.strip()]


def pins(name: str) -> dict[str, str]:
    lines = [line for line in (FOLDER / name).read_text().splitlines() if not line.startswith("#")]
    entries = " ".join(lines).replace(" \\", "").replace("    --hash", " --hash")
    packages = re.findall(r"([\w.-]+)==([\w.]+)((?: +--hash=sha256:[0-9a-f]{64})+)", entries)
    assert " ".join(f"{package}=={version}{hashes}" for package, version, hashes in packages) == entries
    return {package: version for package, version, _ in packages}


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_images_are_pinned_and_run_as_nobody(path):
    steps = instructions(path)
    kinds = [kind for kind, _ in steps]
    assert "ADD" not in kinds  # fetches and unpacks
    assert ("ARG", "BASE=python:3.11-slim-bookworm") in steps
    assert [value for kind, value in steps if kind == "FROM"] == ["${BASE}"]
    assert [value for kind, value in steps if kind == "USER"] == ["msl"]
    assert kinds.index("USER") > max(i for i, kind in enumerate(kinds) if kind == "RUN")
    settings = " ".join(value for kind, value in steps if kind in ("ENV", "ARG"))
    assert not re.search("password|secret|token|key", settings, re.I)
    for kind, value in steps:
        assert not (kind == "RUN" and "pip install" in value and "--no-cache-dir" not in value)
        assert not (kind == "RUN" and re.search(r"\bsudo\b|curl|wget|apt(-get)? upgrade", value))
    ignored = path.with_name(f"{path.name}.dockerignore").read_text().splitlines()
    copied = {part for kind, value in steps if kind == "COPY" for part in value.split()[:-1]}
    assert ignored[0] == "*"
    assert {line.removeprefix("!") for line in ignored if line.startswith("!")} == copied


def test_the_server_tells_its_health():
    (check,) = [value for kind, value in instructions(FOLDER / "server.Dockerfile") if kind == "HEALTHCHECK"]
    assert "http://127.0.0.1:5000/health" in check


@pytest.mark.parametrize(("name", "left_out"), [("server.txt", ()), ("trainer.txt", ("torch", "torchvision"))])
def test_pins_are_what_the_project_asks_for(name, left_out):
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    requirements = {Requirement(line).name: Requirement(line) for line in project["dependencies"] + extras["s3"]}
    requirements["psycopg"] = Requirement(extras["postgresql"][0])
    pinned = pins(name)
    for requirement in requirements.values():
        if requirement.name in pinned:
            assert pinned[requirement.name] in requirement.specifier, requirement
    assert "flask-wtf" in pinned  # of mlflow[auth]
    assert not set(pinned) & {"torch", "torchvision"}
    needed = {"mlflow", "sqlalchemy", "pydantic", "click", "boto3"}
    assert (needed | {"psycopg"} if name == "server.txt" else set(requirements) - {"psycopg", *left_out}) <= set(pinned)


@pytest.mark.parametrize("name", ["server", "trainer"])
def test_what_an_image_asks_for_is_what_the_project_and_torch_ask_for(name):
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    lines = [*project["dependencies"], *extras["s3"], *extras["postgresql"], *(requires("torch") or ())]
    allowed = {str(Requirement(line)) for line in lines}
    direct = [Requirement(line) for line in (FOLDER / f"{name}.in").read_text().splitlines()]
    assert {str(requirement) for requirement in direct} <= allowed
    pinned = pins(f"{name}.txt")
    for requirement in direct:
        assert pinned[requirement.name] in requirement.specifier, requirement


@pytest.mark.parametrize("name", ["server", "trainer"])
def test_the_lock_has_everything_that_its_packages_need(name):
    """By the packages that are installed here; uv, which made it, needs the network for more."""
    pinned = pins(f"{name}.txt")
    extras = {
        canonicalize_name(requirement.name): requirement.extras or {""}
        for requirement in map(Requirement, (FOLDER / f"{name}.in").read_text().splitlines())
    }
    compared = 0
    for package, version in pinned.items():
        with suppress(PackageNotFoundError):
            if metadata.version(package) == version:
                compared += 1
                for requirement in map(Requirement, requires(package) or ()):
                    if needs(requirement, extras.get(canonicalize_name(package), {""})):
                        needed = canonicalize_name(requirement.name)
                        assert pinned[needed] in requirement.specifier, f"{package} needs {requirement}"
    assert compared > len(pinned) / 2


def needs(requirement, extras):
    """Whether the images need it."""
    environment = {"sys_platform": "linux", "platform_system": "Linux", "python_version": "3.11"}
    return requirement.marker is None or any(
        requirement.marker.evaluate({**environment, "extra": extra}) for extra in {"", *extras}
    )


SERVER_COMMANDS = """
import sys
from importlib.metadata import packages_distributions
from packaging.utils import canonicalize_name

packages, pinned = packages_distributions(), set(sys.argv[1].split())

class OnlyPinned:
    def find_spec(self, name, path=None, target=None):
        known = {canonicalize_name(package) for package in packages.get(name, ())} - {"typing", "msl"}
        if known and not known & pinned:
            raise ModuleNotFoundError(f"{name} is not in the lock", name=name)

sys.meta_path.insert(0, OnlyPinned())
import msl.service.gate, msl.service.server, msl.service.backup, msl.service.retention, msl.service.users
from msl.commands import find_command
for command in ("serve", "backup", "restore", "clean"):
    find_command(command)
"""


def test_the_lock_has_everything_that_the_servers_commands_import():
    for pinned, is_enough in ((pins("server.txt").keys(), True), (pins("server.txt").keys() - {"tqdm"}, False)):
        command = [sys.executable, "-c", SERVER_COMMANDS, " ".join(pinned)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY)
        assert (done.returncode == 0) == is_enough, done.stderr


def test_pip_checks_every_hash():
    for name in ("server", "trainer"):
        steps = instructions(FOLDER / f"{name}.Dockerfile")
        assert ("RUN", f"pip install --no-cache-dir --require-hashes -r /opt/msl/docker/{name}.txt") in steps


def test_torch_comes_from_where_one_says():
    steps = dict.fromkeys(instructions(FOLDER / "trainer.Dockerfile"))
    versions = dict(value.split("=") for kind, value in steps if kind == "ARG" and value.startswith("TORCH"))
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    specifiers = {Requirement(line).name: Requirement(line).specifier for line in project["dependencies"]}
    assert versions["TORCH"] in specifiers["torch"]
    assert versions["TORCHVISION"] in specifiers["torchvision"]
    assert versions["TORCH_INDEX"].endswith("/whl/cpu")


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_has_only_what_it_needs(name):
    service = SERVICES[name]
    image = re.sub(r"^\$\{[A-Z]+_IMAGE:-(.*)\}$", r"\1", service["image"])  # by digest if one says so
    tag = image.partition(":")[2]
    assert name in (*OURS, "trainer") or (re.search(r"\d+\.\d+|RELEASE", tag) and "latest" not in tag)
    assert service.get("security_opt") == ["no-new-privileges:true"]
    assert service.get("cap_drop") == ["ALL"] or name == "postgres"  # which hands its files to its own user first
    assert "privileged" not in service
    for value in service.get("environment", {}).values():
        assert "PASSWORD" not in value.upper() or value.startswith(("/run/secrets/", "${"))
    if name in (*OURS, "trainer"):
        assert service["read_only"] is True
        assert re.fullmatch(r"/tmp:size=\d+[mg]", *service["tmpfs"])
    assert {"cpus", "mem_limit", "pids_limit"} <= set(service)
    assert service["logging"]["options"] == {"max-size": "10m", "max-file": "5"}
    assert "healthcheck" in service or name in (*OURS, "trainer")  # the server's is in its image; the others end


def test_trainers_and_the_proxy_do_not_see_the_stores():
    networks = {name: set(service["networks"]) for name, service in SERVICES.items()}
    assert networks["trainer"] == {"trainers"}
    assert networks["proxy"] == {"edge"}
    assert networks["postgres"] == networks["minio"] == {"stores"}
    assert networks["server"] == {"edge", "trainers", "stores"}
    assert COMPOSE["networks"]["stores"] == {"internal": True}
    subnet = COMPOSE["networks"]["edge"]["ipam"]["config"][0]["subnet"]
    assert f"--trusted_proxies={subnet}" in SERVICES["server"]["command"]


def test_large_uploads_are_not_in_memory():
    assert SERVICES["server"]["environment"]["TMPDIR"] == "/scratch"
    assert "scratch:/scratch" in SERVICES["server"]["volumes"]
    (folders,) = [value for kind, value in instructions(FOLDER / "server.Dockerfile") if "install -d" in value]
    assert "/scratch" in folders


def test_only_the_proxy_is_reached_from_outside():
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {"server": ["127.0.0.1:5000:5000"], "proxy": ["443:443", "80:80"]}
    assert SERVICES["proxy"]["profiles"] == ["tls"]
    assert SERVICES["minio"]["profiles"] == SERVICES["bucket"]["profiles"] == ["s3"]


def test_the_schema_comes_before_the_server_and_data_in_volumes():
    assert SERVICES["server"]["depends_on"] == {"upgrade": {"condition": "service_completed_successfully"}}
    assert SERVICES["upgrade"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert SERVICES["upgrade"]["command"][-1] == "--upgrade"
    named = {volume.partition(":")[0] for service in SERVICES.values() for volume in service.get("volumes", ())}
    assert {"postgres", "data", "backup", "minio"} <= named
    assert {name for name in named if not name.startswith((".", "$"))} == set(COMPOSE["volumes"])


def test_the_servers_options_are_those_that_it_has():
    options = [part.removeprefix("--").partition("=") for part in SERVICES["server"]["command"][3:]]
    values = {name: re.sub(r"\$\{\w+:-(.*?)\}", r"\1", value) for name, _, value in options}
    values = {name: value for name, value in values.items() if value != "none"}
    config = validated(ServeConfig, values)
    assert config.allowed_hosts == "server,localhost"  # the name under which the others reach it
    for secret in (config.database_password_file, config.admin_password_file):
        assert secret.parent == Path("/run/secrets")
        assert secret.name in SERVICES["server"]["secrets"]


def test_secrets_are_made_once_and_are_ones_own(tmp_path):
    script = tmp_path / "make-secrets"
    script.write_bytes((FOLDER / "make-secrets").read_bytes())
    assert os.access(FOLDER / "make-secrets", os.X_OK)

    def secrets():
        subprocess.run(["sh", script], check=True, capture_output=True)
        return {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}

    first = secrets()
    assert set(first) == set(COMPOSE["secrets"])
    assert {spec["file"] for spec in COMPOSE["secrets"].values()} == {f"./secrets/{name}" for name in first}
    assert secrets() == first
    assert len({first[name] for name in first}) == len(first)
    assert all(len(content) >= 33 for content in first.values())
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    ignored = subprocess.run(
        ["git", "check-ignore", "-q", "docker/secrets/admin_password"], cwd=REPOSITORY, check=False
    )
    assert ignored.returncode == 0


def test_commands_in_comments_name_files_that_are_there():
    for path in (*DOCKERFILES, FOLDER / "compose.yaml"):
        for line in re.findall(r"#\s+(docker .*)", path.read_text()):
            words = shlex.split(line)
            for flag in ("-f", "--file"):
                if flag in words:
                    assert (REPOSITORY / words[words.index(flag) + 1]).is_file(), line
