"""MLflow's tracking server with accounts, behind `gate`."""

import configparser
import contextlib
import io
import logging
import os
import secrets
import socket
from ipaddress import ip_address
from pathlib import Path

from mlflow.exceptions import MlflowException
from mlflow.server import constants

from msl.errors import ServiceError
from msl.service.databases import upgrade
from msl.service.gate import CREATION, UPLOAD_LIMIT
from msl.service.place import (
    Place,
    kept_secret,
    private_file,
    read_secret,
    require_artifacts,
    require_database,
    resolve,
)
from msl.service.settings import ServeConfig

ADMIN = "admin"
CREDENTIALS = "credentials"  # private file, in the layout of ~/.mlflow/credentials
_LOOPBACK = ("localhost", "127.0.0.1", "[[]::1]")  # the brackets as fnmatch takes them
_PASSWORD_CACHE_S = 60  # a password that was changed is taken so long by other processes; checking one takes 50 ms
_LOG = logging.getLogger("msl.service")


def serve(config: ServeConfig) -> None:
    """Run the server until it is told to end.

    Raises:
        ServiceError: the database, a folder or the port cannot be had, or the database's schema is an older one.
    """
    place = resolve(config)
    require_database(place)
    if config.upgrade:
        upgrade(place.runs, place.accounts)
        return
    require_artifacts(place)
    _require_port(config.host, config.port)
    os.environ |= environment(place, config)
    _prepare(place)
    made = _admit_admin(place, config)
    _announce(place, config, made)
    import uvicorn

    uvicorn.run(
        "msl.service.gate:create_app",
        factory=True,
        host=config.host,
        port=config.port,
        workers=config.workers,
        log_level="warning",
        server_header=False,
        h11_max_incomplete_event_size=64 * 1024,
    )


def environment(place: Place, config: ServeConfig) -> dict[str, str]:
    """The variables that MLflow's server and the gate read."""
    return {
        constants.BACKEND_STORE_URI_ENV_VAR: place.runs,
        constants.REGISTRY_STORE_URI_ENV_VAR: place.runs,
        constants.ARTIFACT_ROOT_ENV_VAR: "mlflow-artifacts:/",
        constants.SERVE_ARTIFACTS_ENV_VAR: "true",
        constants.ARTIFACTS_DESTINATION_ENV_VAR: place.artifacts,
        "_MLFLOW_SGI_NAME": "uvicorn",
        "_MLFLOW_AUTH_ADMIN_BOOTSTRAPPED": "true",  # by _admit_admin
        "MLFLOW_AUTH_CONFIG_PATH": str(_auth_file(place, config)),
        "MLFLOW_FLASK_SERVER_SECRET_KEY": kept_secret(place.private / "secret_key"),
        "MLFLOW_SERVER_ALLOWED_HOSTS": ",".join(allowed_hosts(config)),
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        UPLOAD_LIMIT: str(config.upload_limit_mb * 2**20),
        CREATION: "everyone" if config.default_permission == "EDIT" else ADMIN,
    }


def allowed_hosts(config: ServeConfig) -> list[str]:
    """Values of the Host header that are let in, as patterns.

    MLflow's own default takes ``10.*`` and the like, which ``10.attacker.example`` fits.
    """
    names = [*_LOOPBACK, *(name.strip() for name in (config.allowed_hosts or "").split(",") if name.strip())]
    with contextlib.suppress(ValueError):
        if not ip_address(config.host).is_unspecified:
            names.append(config.host)
    return [host for name in dict.fromkeys(names) for host in (name.replace("[[]", "["), f"{name}:*")]


def _auth_file(place: Place, config: ServeConfig) -> Path:
    """MLflow reads what its accounts are only from a file, in which a percent sign is two."""
    parser = configparser.ConfigParser(interpolation=None)
    parser["mlflow"] = {
        "default_permission": config.default_permission,
        "database_uri": place.accounts.replace("%", "%%"),
        "admin_username": ADMIN,
        "auth_cache_ttl_seconds": str(_PASSWORD_CACHE_S),
    }
    content = io.StringIO()
    parser.write(content)
    path = place.private / "accounts.ini"
    private_file(path, content.getvalue())
    return path


def _prepare(place: Place) -> None:
    from mlflow.server.handlers import initialize_backend_stores

    try:
        initialize_backend_stores(place.runs, place.runs, "mlflow-artifacts:/")
    except MlflowException as error:
        if "out-of-date" not in str(error):
            raise ServiceError(f"database {place.shown} cannot be used: {str(error).splitlines()[0]}") from error
        raise ServiceError(
            f"database {place.shown} has the schema of another MLflow. Make a backup, then: "
            "python -m entrypoints.serve --upgrade, with the same other options."
        ) from error


def _admit_admin(place: Place, config: ServeConfig) -> str | None:
    """Make the account admin if there is none; its password, if it was made up."""
    from mlflow.server import auth

    given = config.admin_password_file and read_secret(config.admin_password_file, "admin_password_file")
    auth.store.init_db(place.accounts)
    if auth.store.has_user(ADMIN):
        return None
    password = given or secrets.token_urlsafe(16)
    try:
        auth.store.create_user(ADMIN, password, is_admin=True)
    except MlflowException as error:
        raise ServiceError(f"admin_password_file = {config.admin_password_file}: {error.message}") from error
    if given:
        return None
    login = f"[mlflow]\nmlflow_tracking_username = {ADMIN}\nmlflow_tracking_password = {password}\n"
    private_file(place.private / CREDENTIALS, login)
    return password


def _announce(place: Place, config: ServeConfig, password: str | None) -> None:
    """Tell how to log in; a password that was made up is shown here and never again."""
    shown = "localhost" if config.host in ("127.0.0.1", "0.0.0.0", "::1", "::") else config.host
    _LOG.info("runs in %s, artifacts in %s", place.shown, place.artifacts)
    if password is not None:
        _LOG.info(
            "made the account %s; its password, kept in %s, is shown only now", ADMIN, place.private / CREDENTIALS
        )
    _LOG.info("export MLFLOW_TRACKING_URI=http://%s:%d", shown, config.port)
    _LOG.info("export MLFLOW_TRACKING_USERNAME=%s MLFLOW_TRACKING_PASSWORD=%s", ADMIN, password or "…")
    if config.host not in ("127.0.0.1", "localhost", "::1"):
        _LOG.warning("passwords cross the network unencrypted unless a proxy with TLS stands before this port")


def _require_port(host: str, port: int) -> None:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        raise ServiceError(f"host = {host}, port = {port}: {error.strerror}; --port names another") from error
