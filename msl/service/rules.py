"""What each role may do: every route of MLflow that is answered, and the least role that it needs.

A route that no rule names is refused, so a new MLflow opens nothing by itself. A test compares these lists with the
routes of the installed MLflow.
"""

import re
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property

_API = re.compile(r"/(?:ajax-)?api/\d\.0/")


class Role(IntEnum):
    """Who asks; each role may do what the roles before it may."""

    STRANGER = 0
    READER = 1  # an account with READ on the experiment or model
    EDITOR = 2  # with EDIT
    MANAGER = 3  # with MANAGE
    ADMIN = 4


@dataclass(frozen=True)
class Rule:
    """Routes that do one kind of thing.

    Attributes:
        what: the thing, as the page of roles says it.
        role: the least role. The gate checks STRANGER, READER and ADMIN. MLflow's permissions check the other two.
        text: a method and a path in each line. ``*`` is any segment and ``**`` any rest. A path without a slash at its
            start is below ``/api/2.0/mlflow/``, ``/api/3.0/mlflow/`` and the same of ``ajax-api``; the store of
            artifacts is beside ``mlflow``.
        is_creation: whether it makes a new experiment or model, which only some services allow to everyone.
    """

    what: str
    role: Role
    text: str = field(repr=False)
    is_creation: bool = False

    @cached_property
    def routes(self) -> frozenset[tuple[str, str]]:
        """Method and path of each route; the path is as `strip_version` leaves it."""
        pairs = (line.split() for line in self.text.strip().splitlines())
        return frozenset(
            (method, path if path.startswith(("/", "mlflow-artifacts/")) else f"mlflow/{path}")
            for methods, path in pairs
            for method in methods.split(",")
        )


RULES = (
    Rule("the sign of life", Role.STRANGER, "GET /health"),
    Rule(
        "open the pages",
        Role.READER,
        """
        GET /
        GET /static-files/**
        GET /version
        GET server-info
        GET,POST ui-telemetry
        GET gateway-proxy
        """,
    ),
    Rule(
        "see experiments, runs, metrics and artifacts",
        Role.READER,
        """
        GET experiments/get
        GET experiments/get-by-name
        GET,POST experiments/search
        POST experiments/search-datasets
        GET runs/get
        POST runs/search
        GET metrics/get-history
        GET metrics/get-history-bulk
        GET metrics/get-history-bulk-interval
        GET artifacts/list
        GET /get-artifact
        GET mlflow-artifacts/artifacts
        GET mlflow-artifacts/artifacts/**
        GET,POST /graphql
        GET logged-models/*
        POST logged-models/search
        GET logged-models/*/artifacts/directories
        GET logged-models/*/artifacts/files
        """,
    ),
    Rule(
        "see registered models and their versions",
        Role.READER,
        """
        GET registered-models/get
        GET registered-models/search
        GET registered-models/alias
        GET,POST registered-models/get-latest-versions
        GET model-versions/get
        GET model-versions/search
        GET model-versions/get-download-uri
        GET /model-versions/get-artifact
        """,
    ),
    Rule(
        "see and change their own account",
        Role.READER,
        """
        GET users/current
        GET users/current/permissions
        GET users/get
        GET users/roles/list
        GET users/permissions/list
        GET users/permissions/get
        PATCH users/update-password
        """,
    ),
    Rule(
        "make and change runs, their metrics, tags and artifacts",
        Role.EDITOR,
        """
        POST runs/create
        POST runs/update
        POST runs/log-batch
        POST runs/log-inputs
        POST runs/log-metric
        POST runs/log-model
        POST runs/log-parameter
        POST runs/outputs
        POST runs/set-tag
        POST runs/delete-tag
        POST upload-artifact
        PUT mlflow-artifacts/artifacts/**
        POST logged-models
        PATCH logged-models/*
        POST logged-models/*/params
        PATCH logged-models/*/tags
        DELETE logged-models/*/tags/*
        """,
    ),
    Rule(
        "rename and tag an experiment",
        Role.EDITOR,
        """
        POST experiments/update
        POST experiments/set-experiment-tag
        POST experiments/delete-experiment-tag
        """,
    ),
    Rule(
        "make and change versions of a registered model",
        Role.EDITOR,
        """
        PATCH registered-models/update
        POST registered-models/rename
        POST registered-models/set-tag
        DELETE registered-models/delete-tag
        POST registered-models/alias
        POST model-versions/create
        PATCH model-versions/update
        POST model-versions/set-tag
        POST model-versions/transition-stage
        """,
    ),
    Rule(
        "delete and restore experiments, runs and artifacts",
        Role.MANAGER,
        """
        POST experiments/delete
        POST experiments/restore
        POST runs/delete
        POST runs/restore
        DELETE mlflow-artifacts/artifacts/**
        DELETE logged-models/*
        """,
    ),
    Rule(
        "delete registered models, versions and aliases",
        Role.MANAGER,
        """
        DELETE registered-models/delete
        DELETE registered-models/alias
        DELETE model-versions/delete
        DELETE model-versions/delete-tag
        """,
    ),
    Rule(
        "grant and revoke permissions on it",
        Role.MANAGER,
        """
        POST users/permissions/grant
        POST users/permissions/revoke
        """,
    ),
    Rule(
        "make experiments and registered models",
        Role.ADMIN,
        """
        POST experiments/create
        POST registered-models/create
        """,
        is_creation=True,
    ),
    Rule(
        "list, make, change and delete accounts and roles",
        Role.ADMIN,
        """
        GET /signup
        GET users/list
        POST users/create
        POST users/create-ui
        PATCH users/update-admin
        DELETE users/delete
        POST roles/create
        GET roles/get
        GET roles/list
        PATCH roles/update
        DELETE roles/delete
        POST roles/assign
        DELETE roles/unassign
        GET roles/users/list
        POST roles/permissions/add
        GET roles/permissions/list
        PATCH roles/permissions/update
        DELETE roles/permissions/remove
        """,
    ),
    Rule(
        "have other services told of changes (webhooks)",
        Role.ADMIN,
        """
        GET,POST webhooks
        GET,PATCH,DELETE webhooks/*
        POST webhooks/*/test
        """,
    ),
)

# Families of routes that nobody gets, and why. No request is compared with them; they are for the test and the page.
CLOSED = {
    "call language models, and store what they answer": (
        *("/gateway", "mlflow/gateway", "mlflow/gateway-proxy", "mlflow/assistant", "mlflow/mcp-servers"),
        *("mlflow/genai", "mlflow/issues", "mlflow/scorer", "mlflow/scorers", "mlflow/prompt-optimization"),
        *("mlflow/label-schemas", "mlflow/review-queues", "mlflow/demo", "mlflow/datasets", "mlflow/skills"),
        "mlflow/runs/create-promptlab-run",
    ),
    "traces of programs": (
        *("/v1/traces", "mlflow/traces", "mlflow/unified-traces", "mlflow/get-trace-artifact"),
        "mlflow/get-online-trace-details",
    ),
    "jobs that run programs here": ("jobs", "mlflow/jobs"),
    "addresses of the object store, which know no limits": (
        *("mlflow-artifacts/mpu", "mlflow-artifacts/presigned"),
        *("mlflow/artifacts/presigned-download-url", "mlflow/artifacts/presigned-upload-url"),
    ),
    "workspaces": ("mlflow/workspaces",),
    "addresses that MLflow has by mistake": ("/ajax-api/2.0mlflow", "/api/2.0mlflow", "/build"),
}


def strip_version(path: str) -> str:
    """The path without the prefix of an API and its version; other paths stay as they are."""
    return _API.sub("", path, count=1) if _API.match(path) else path


def find_rule(method: str, path: str) -> Rule | None:
    """The rule that names this request, or None: then the request is refused."""
    name = strip_version(path)
    return _FIXED.get((method, name)) or next(
        (rule for pattern, rule in _WITH_PARAMETERS.get(method, ()) if pattern.fullmatch(name)), None
    )


def is_closed(path: str) -> bool:
    """Whether the path belongs to a family that nobody gets."""
    name = strip_version(path)
    return any(f"{name}/".startswith(f"{family}/") for families in CLOSED.values() for family in families)


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*?)", path)
    spelled = {"**": ".+", "*": "[^/]+"}
    return re.compile("".join(spelled.get(part) or re.escape(part) for part in parts), re.DOTALL)


_FIXED = {route: rule for rule in RULES for route in rule.routes if "*" not in route[1]}
_WITH_PARAMETERS = {
    method: [
        (_pattern(path), rule)
        for rule in RULES
        for rule_method, path in sorted(rule.routes)
        if rule_method == method and "*" in path
    ]
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE")
}
