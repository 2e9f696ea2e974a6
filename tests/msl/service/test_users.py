"""The commands of docs/service.md on accounts, tried one after the other on a service that runs."""

import re
import subprocess
import sys

import pytest
from click.testing import CliRunner
from conftest import REPOSITORY
from mlflow.server.auth.permissions import RESOURCE_GRANTABLE_PERMISSIONS
from mlflow.tracking import MlflowClient

from entrypoints import serve
from msl.service.settings import GrantConfig

pytestmark = pytest.mark.xdist_group("service")


def run(service, command, *, succeeds=True):
    words = [*command.split(), "--folder", str(service.folder)]
    result = CliRunner().invoke(serve.main, words)
    assert (result.exit_code == 0) == succeeds, result.output
    return result.output


@pytest.fixture
def experiment(admin: MlflowClient):
    known = admin.get_experiment_by_name("demo")
    return known.experiment_id if known else admin.create_experiment("demo")


def documented():
    text = (REPOSITORY / "docs/service.md").read_text()
    return re.findall(r"^python -m entrypoints\.serve (users .*?)(?:\s+#.*)?$", text, re.MULTILINE)


def test_the_commands_of_the_guide(service, experiment):
    commands = documented()
    assert [command.split()[1] for command in commands] == ["add", "grant", "password", "list", "remove"]
    add, grant, password, listing, remove = commands
    shown = run(service, add).strip().rpartition(" ")[2]
    assert service.ask("GET", "/version", ("anna", shown)).ok
    body = {"experiment_id": experiment}
    create = "/api/2.0/mlflow/runs/create"
    assert service.ask("POST", create, ("anna", shown), json=body).status_code == 403
    run(service, grant)
    assert service.ask("POST", create, ("anna", shown), json=body).ok
    other = re.search(r"only now: (\S+)", run(service, password))[1]
    assert service.ask("GET", "/version", ("anna", other)).ok
    assert "anna: EDIT on experiment demo" in run(service, listing).splitlines()
    assert "admin: everything" in run(service, listing).splitlines()
    run(service, remove)
    assert "anna" not in run(service, listing)


def test_a_read_only_account_of_a_team_in_two_commands(service, experiment):
    shown = run(service, "users add --name team").strip().rpartition(" ")[2]
    run(service, "users grant --name team --experiment demo --permission READ")
    login = ("team", shown)
    assert service.ask("GET", f"/api/2.0/mlflow/experiments/get?experiment_id={experiment}", login).ok
    answer = service.ask("POST", "/api/2.0/mlflow/runs/create", login, json={"experiment_id": experiment})
    assert answer.status_code == 403


def test_deny_and_taking_it_back(service, experiment):
    login = ("shut.out", run(service, "users add --name shut.out").strip().rpartition(" ")[2])
    path = f"/api/2.0/mlflow/experiments/get?experiment_id={experiment}"
    run(service, "users grant --name shut.out --experiment demo --permission DENY")
    assert service.ask("GET", path, login).status_code == 403
    for _ in range(2):
        assert "no grant" in run(service, "users grant --name shut.out --experiment demo --permission none")
    assert service.ask("GET", path, login).ok


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("users add --name admin", "there is this account already"),
        ("users add --name a/b", "letters, digits"),
        ("users remove --name admin", "cannot be removed"),
        ("users remove --name nobody", "there is no such account; there are admin"),
        ("users password --name nobody", "there is no such account"),
        ("users grant --name admin --experiment absent --permission READ", "experiment = absent: there is none"),
        ("users grant --name admin --model absent --permission READ", "model = absent: there is none"),
        ("users grant --name admin --permission READ", "pass either --experiment NAME or --model NAME"),
        ("users grant --name admin --experiment demo --permission NO_PERMISSIONS", "permission"),
    ],
)
def test_what_is_refused(service, command, message):
    assert message in run(service, command, succeeds=False)


def test_a_password_from_a_file(service, tmp_path):
    file = tmp_path / "password"
    file.write_text("several words of mine\n")
    output = run(service, f"users add --name filed --password_file {file}")
    assert "several words" not in output
    assert service.ask("GET", "/version", ("filed", "several words of mine")).ok
    file.write_text("password1234")
    assert "people guess" in run(service, f"users password --name filed --password_file {file}", succeeds=False)


def test_a_folder_without_a_service(tmp_path):
    result = CliRunner().invoke(serve.main, ["users", "list", "--folder", str(tmp_path)])
    assert result.exit_code == 1
    assert "has no accounts; start the service once" in result.output


def test_the_words_are_those_of_the_installed_mlflow():
    annotation = GrantConfig.model_fields["permission"].annotation
    assert {word for word in str(annotation).split("'") if word.isupper()} == set(RESOURCE_GRANTABLE_PERMISSIONS)


def test_it_is_called_as_the_guide_says():
    command = [sys.executable, "-m", "entrypoints.serve", "users", "--help"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, cwd=REPOSITORY).stdout
    assert all(word in shown for word in ("add", "remove", "password", "grant", "list"))


def test_a_command_shows_its_own_words_only(tmp_path):
    """And no warning of MLflow's server, whose parts call what newer versions of its own parts deprecate."""
    command = [sys.executable, "-m", "entrypoints.serve", "users", "list", "--folder", str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY)
    assert result.stdout == ""
    expected = f"Error: sqlite:///{tmp_path}/mlflow.db has no accounts; start the service once: msl serve\n"
    assert result.stderr == expected
