"""MLflow's tracking server with accounts; `gate` checks every request."""

import configparser
import contextlib
import io
import logging
import os
import secrets
import socket
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path

from mlflow.exceptions import MlflowException
from mlflow.server import constants
from sqlalchemy.exc import SQLAlchemyError

from msl.console import reason
from msl.errors import ServiceError
from msl.service import counts
from msl.service.accounts import password_fault
from msl.service.connections import CONNECTIONS
from msl.service.databases import upgrade
from msl.service.gate import ACCOUNT_FAILURES, ADDRESS_FAILURES, CREATION, UPLOAD_LIMIT
from msl.service.observed import ACCESS_LOG
from msl.service.presence import only_service
from msl.service.settings import ServeConfig
from msl.service.storage import (
    Storage,
    load_or_make_secret,
    make_private,
    private_files,
    read_secret,
    require_artifacts,
    require_database,
    resolve,
    write_private_file,
)
from msl.store_lock import opening

ADMIN = "admin"
CREDENTIALS = "credentials"  # private file, in the layout of ~/.mlflow/credentials
_LOOPBACK = ("localhost", "127.0.0.1", "[[]::1]")  # MLflow reads these as fnmatch patterns
_BUSY_S = 120  # a process that gives no sign for so long is replaced; uvicorn's 5 s end one that answers a long search
_PASSWORD_CACHE_S = 60  # other processes accept an old password for so long; to check a password takes 50 ms
_LOG = logging.getLogger("msl.service")


def serve(config: ServeConfig, watch: Callable[[str, str | None], None]) -> None:
    """Run the server until a signal ends it.

    Args:
        config: where it keeps its data, and how clients reach it.
        watch: begins to watch over the runs of a store and to send alerts to an address, in a thread of its own.

    Raises:
        ServiceError: the database, a folder or the port cannot be used, or the database has an older schema.
    """
    with private_files():
        storage = resolve(config)
        make_private(storage)
        require_database(storage)
        if config.upgrade:
            upgrade(storage.runs, storage.accounts)
        else:
            _require_port(config.host, config.port)
            with only_service(storage.private):
                _run(storage, config, watch)


def _run(storage: Storage, config: ServeConfig, watch: Callable[[str, str | None], None]) -> None:
    require_artifacts(storage)
    _require_log(config.access_log)
    os.environ |= environment(storage, config)
    counts.empty(storage.private / "counts")
    with contextlib.ExitStack() as stack:
        with _usable(storage):
            stack.enter_context(opening(storage.runs))
            _prepare(storage)
        password = _make_admin(storage, config)
    _announce(storage, config, password)
    watch(storage.runs, config.alert)
    import uvicorn

    uvicorn.run(
        "msl.service.gate:create_app",
        factory=True,
        host=config.host,
        port=config.port,
        workers=config.workers,
        log_level="warning",
        server_header=False,
        forwarded_allow_ips=config.trusted_proxies,
        http="msl.service.connections:LimitedConnection",
        h11_max_incomplete_event_size=64 * 1024,
        timeout_worker_healthcheck=_BUSY_S,
    )


def environment(storage: Storage, config: ServeConfig) -> dict[str, str]:
    """The variables that MLflow's server and the gate read."""
    return {
        constants.BACKEND_STORE_URI_ENV_VAR: storage.runs,
        constants.REGISTRY_STORE_URI_ENV_VAR: storage.runs,
        constants.ARTIFACT_ROOT_ENV_VAR: "mlflow-artifacts:/",
        constants.SERVE_ARTIFACTS_ENV_VAR: "true",
        constants.ARTIFACTS_DESTINATION_ENV_VAR: storage.artifacts,
        "_MLFLOW_SGI_NAME": "uvicorn",
        "_MLFLOW_AUTH_ADMIN_BOOTSTRAPPED": "true",  # by _make_admin
        "MLFLOW_AUTH_CONFIG_PATH": str(_auth_file(storage, config)),
        "MLFLOW_FLASK_SERVER_SECRET_KEY": load_or_make_secret(storage.private / "secret_key"),
        "MLFLOW_SERVER_ALLOWED_HOSTS": ",".join(allowed_hosts(config)),
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_BASIC_AUTH_FAIL_CLOSED": "true",  # refuse what MLflow's permissions do not decide
        UPLOAD_LIMIT: str(config.upload_limit_mb * 2**20),
        CONNECTIONS: str(config.connections),
        ACCOUNT_FAILURES: str(config.account_failures),
        ADDRESS_FAILURES: str(config.address_failures),
        counts.COUNTS: str(storage.private / "counts"),
        ACCESS_LOG: str(config.access_log.absolute()) if config.access_log else "",
        CREATION: "everyone" if config.default_permission == "EDIT" else ADMIN,
    }


def allowed_hosts(config: ServeConfig) -> list[str]:
    """The values of the Host header that are accepted, as patterns.

    MLflow's own default has patterns such as ``10.*``, which ``10.attacker.example`` matches.
    """
    names = [*_LOOPBACK, *(name.strip() for name in (config.allowed_hosts or "").split(",") if name.strip())]
    with contextlib.suppress(ValueError):
        if not ip_address(config.host).is_unspecified:
            names.append(config.host)
    return [host for name in dict.fromkeys(names) for host in (name.replace("[[]", "["), f"{name}:*")]


def _auth_file(storage: Storage, config: ServeConfig) -> Path:
    """Write the settings of MLflow's accounts. MLflow reads them only from a file, in which %% means a percent sign."""
    parser = configparser.ConfigParser(interpolation=None)
    parser["mlflow"] = {
        "default_permission": config.default_permission,
        "database_uri": storage.accounts.replace("%", "%%"),
        "admin_username": ADMIN,
        "auth_cache_ttl_seconds": str(_PASSWORD_CACHE_S),
    }
    content = io.StringIO()
    parser.write(content)
    path = storage.private / "accounts.ini"
    write_private_file(path, content.getvalue())
    return path


def _prepare(storage: Storage) -> None:
    from mlflow.server.handlers import initialize_backend_stores

    initialize_backend_stores(storage.runs, storage.runs, "mlflow-artifacts:/")


@contextlib.contextmanager
def _usable(storage: Storage) -> Iterator[None]:
    """Within this block, an error of the database says what to do."""
    try:
        yield
    except (MlflowException, SQLAlchemyError) as error:
        if "out-of-date" not in str(error):
            raise ServiceError(f"database {storage.address} cannot be used: {reason(error, storage.runs)}") from error
        raise ServiceError(
            f"database {storage.address} has the schema of another MLflow. Make a backup, then: "
            "msl serve --upgrade, with your other options as now."
        ) from error


def _make_admin(storage: Storage, config: ServeConfig) -> str | None:
    """Make the account admin if there is none; gives its password if this call generated it."""
    from mlflow.server import auth

    chosen_password = config.admin_password_file and read_secret(config.admin_password_file, "admin_password_file")
    auth.store.init_db(storage.accounts)
    if auth.store.has_user(ADMIN):
        return None
    if chosen_password and (fault := password_fault(ADMIN, chosen_password)):
        raise ServiceError(f"admin_password_file = {config.admin_password_file}: {fault}")
    password = chosen_password or secrets.token_urlsafe(16)
    try:
        auth.store.create_user(ADMIN, password, is_admin=True)
    except MlflowException as error:
        raise ServiceError(f"admin_password_file = {config.admin_password_file}: {error.message}") from error
    if chosen_password:
        return None
    login = f"[mlflow]\nmlflow_tracking_username = {ADMIN}\nmlflow_tracking_password = {password}\n"
    write_private_file(storage.private / CREDENTIALS, login)
    return password


def _announce(storage: Storage, config: ServeConfig, password: str | None) -> None:
    """Log how to log in; a generated password is shown here and never again."""
    host = "localhost" if config.host in ("127.0.0.1", "0.0.0.0", "::1", "::") else config.host
    _LOG.info("runs in %s, artifacts in %s", storage.address, storage.artifacts)
    if password is not None:
        _LOG.info(
            "made the account %s; its password is shown only now, and stored in %s",
            ADMIN,
            storage.private / CREDENTIALS,
        )
    _LOG.info("export MLFLOW_TRACKING_URI=http://%s:%d", host, config.port)
    _LOG.info("export MLFLOW_TRACKING_USERNAME=%s MLFLOW_TRACKING_PASSWORD=%s", ADMIN, password or "…")
    if config.host not in ("127.0.0.1", "localhost", "::1"):
        _LOG.warning("passwords cross the network unencrypted unless clients reach this port through a proxy with TLS")


def _require_log(file: Path | None) -> None:
    try:
        if file is not None:
            file.open("a").close()
    except OSError as error:
        raise ServiceError(f"access_log = {file}: {error.strerror}; name a file that can be written") from error


def _require_port(host: str, port: int) -> None:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        raise ServiceError(f"host = {host}, port = {port}: {error.strerror}; pass another --port") from error
