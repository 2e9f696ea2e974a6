"""The rules name every route of the installed MLflow, and no more."""

import pytest

from msl.service.rules import RULES, Role, find_rule, is_closed, strip_version

pytestmark = pytest.mark.xdist_group("service")

METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}


def test_every_route_of_mlflow_is_named_or_closed(templates):
    """A new version of MLflow that has a new route fails here; until then the gate refuses the route."""
    named = {route for rule in RULES for route in rule.routes}
    answered = {(method, path) for method, path in templates if method in METHODS}
    new = {(method, path) for method, path in answered if (method, strip_version(path)) not in named}
    assert {(method, path) for method, path in new if not is_closed(path)} == set()
    assert len(answered) > 500


def test_every_rule_names_routes_that_exist(templates):
    existing = {(method, strip_version(path)) for method, path in templates}
    assert {route for rule in RULES for route in rule.routes} - existing == set()


def test_each_route_has_one_rule():
    routes = [route for rule in RULES for route in rule.routes]
    assert len(routes) == len(set(routes))


@pytest.mark.parametrize(
    "path",
    [
        "/ajax-api/3.0/mlflow/genai/evaluate/invoke",
        "/ajax-api/3.0/mlflow/issues/invoke",
        "/ajax-api/3.0/mlflow/scorer/invoke",
        "/api/3.0/mlflow/prompt-optimization/jobs",
        "/ajax-api/3.0/jobs",
        "/v1/traces",
        "/api/2.0/mlflow/runs/invented",
        "/api/2.0/mlflow/runs/search/",
        "/api/2.0/mlflow/logged-models/a/b",
        "/api/2.0/api/2.0/mlflow/runs/search",
    ],
)
def test_what_no_rule_names(path):
    assert all(find_rule(method, path) is None for method in METHODS)


def test_a_rule_of_both_apis():
    rules = {find_rule("POST", f"/{api}/2.0/mlflow/runs/create") for api in ("api", "ajax-api")}
    assert [rule.role for rule in rules] == [Role.EDITOR]
    assert find_rule("HEAD", "/get-artifact") is None
