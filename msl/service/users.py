"""The accounts of a service, changed in its database; the server may run meanwhile."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import sqlalchemy as sa

from msl.errors import ServiceError
from msl.service.accounts import name_fault, password_fault
from msl.service.settings import AccountConfig, GrantConfig, PasswordConfig, StorageConfig
from msl.service.storage import Storage, database_errors, open_engine, private_files, read_secret, resolve

if TYPE_CHECKING:
    from mlflow.server.auth.sqlalchemy_store import SqlAlchemyStore

ADMIN = "admin"
_KINDS = {"experiment": "experiment", "model": "registered_model"}


def add(config: PasswordConfig) -> str:
    """Make an account; it can read what every account can read.

    Returns:
        Its password.

    Raises:
        ServiceError: there is such an account, or its name or password is refused.
    """
    if fault := name_fault(config.name):
        raise ServiceError(f"name = {config.name}: {fault}")
    password = _password(config)
    with _store(config) as (_, store):
        if store.has_user(config.name):
            raise ServiceError(f"name = {config.name}: there is this account already; take another name")
        store.create_user(config.name, password)
    return password


def remove(config: AccountConfig) -> None:
    """Delete an account and what it was granted. Its runs stay.

    Raises:
        ServiceError: there is no such account, or it is the admin.
    """
    if config.name == ADMIN:
        raise ServiceError(f"name = {ADMIN}: this account cannot be removed, because only it can make others")
    with _store(config) as (_, store):
        _require_account(store, config.name)
        store.delete_user(config.name)


def change_password(config: PasswordConfig) -> str:
    """Give an account another password, and return it.

    Raises:
        ServiceError: there is no such account, or the password is refused.
    """
    password = _password(config)
    with _store(config) as (_, store):
        _require_account(store, config.name)
        store.update_user(config.name, password=password)
    return password


def grant(config: GrantConfig) -> None:
    """Set what an account may do with one experiment or registered model.

    Raises:
        ServiceError: there is no such account, experiment or model.
    """
    with _store(config) as (storage, store):
        _require_account(store, config.name)
        kind, key = _find(storage, config)
        if config.permission is not None:
            store.grant_user_permission(config.name, _KINDS[kind], key, config.permission)
        elif (_KINDS[kind], key) in {(held, pattern) for held, pattern, _ in _grants(store, config.name)}:
            store.revoke_user_resource_permission(config.name, _KINDS[kind], key)


def listing(config: StorageConfig) -> list[str]:
    """A line for each account: its name, and what it was granted."""
    with _store(config) as (storage, store):
        experiments = _experiments(storage)
        return [
            f"{user.username}: {'everything' if user.is_admin else _describe(store, user.username, experiments)}"
            for user, _ in store.list_users_with_roles()
        ]


@contextmanager
def _store(config: StorageConfig) -> Iterator[tuple[Storage, "SqlAlchemyStore"]]:
    from mlflow.server.auth.sqlalchemy_store import SqlAlchemyStore

    storage = resolve(config)
    with private_files(), database_errors(storage):
        if "users" not in _tables(storage):
            raise ServiceError(f"{storage.address} has no accounts; start the service once: msl serve")
        store = SqlAlchemyStore()
        store.init_db(storage.accounts)
        try:
            yield storage, store
        finally:
            store.engine.dispose()


def _tables(storage: Storage) -> list[str]:
    if storage.on_sqlite and not (storage.private / "accounts.db").is_file():
        return []
    with open_engine(storage.accounts) as engine:
        return sa.inspect(engine).get_table_names()


def _password(config: PasswordConfig) -> str:
    if config.password_file is None:
        return secrets.token_urlsafe(16)
    password = read_secret(config.password_file, "password_file")
    if fault := password_fault(config.name, password):
        raise ServiceError(f"password_file = {config.password_file}: {fault}")
    return password


def _require_account(store: "SqlAlchemyStore", name: str) -> None:
    if not store.has_user(name):
        names = ", ".join(user.username for user, _ in store.list_users_with_roles())
        raise ServiceError(f"name = {name}: there is no such account; there are {names}")


def _find(storage: Storage, config: GrantConfig) -> tuple[str, str]:
    """The kind and the key of what the settings name: an experiment has an ID, a model its name."""
    if (config.experiment is None) == (config.model is None):
        raise ServiceError("pass either --experiment NAME or --model NAME")
    if config.experiment is not None:
        keys = {name: key for key, name in _experiments(storage).items()}
        if config.experiment not in keys:
            raise ServiceError(f"experiment = {config.experiment}: there is none; there are {', '.join(keys)}")
        return "experiment", keys[config.experiment]
    assert config.model is not None
    names = [str(row[0]) for row in _rows(storage, "registered_models", "name")]
    if config.model not in names:
        raise ServiceError(f"model = {config.model}: there is none; there are {', '.join(names) or 'no models'}")
    return "model", config.model


def _experiments(storage: Storage) -> dict[str, str]:
    """Names by ID."""
    return {str(row[0]): str(row[1]) for row in _rows(storage, "experiments", "experiment_id", "name")}


def _rows(storage: Storage, table: str, *columns: str) -> list[tuple[object, ...]]:
    with open_engine(storage.runs) as engine, engine.connect() as connection:
        query = sa.select(sa.text(", ".join(columns))).select_from(sa.table(table))
        return [tuple(row) for row in connection.execute(query)]


def _grants(store: "SqlAlchemyStore", name: str) -> list[tuple[str, str, str]]:
    """Kind, key and permission of everything that an account was granted."""
    roles = store.list_user_roles(store.get_user(name).id)
    return [
        (permission.resource_type, permission.resource_pattern, permission.permission)
        for role in roles
        for permission in role.permissions
    ]


def _describe(store: "SqlAlchemyStore", name: str, experiments: dict[str, str]) -> str:
    held = [
        f"{permission} on {kind} {experiments.get(key, key) if kind == 'experiment' else key}"
        for kind, key, permission in _grants(store, name)
    ]
    return ", ".join(held) or "what every account may do"
