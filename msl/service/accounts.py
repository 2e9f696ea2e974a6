"""What an account may be called, and which passwords are refused."""

import re

_NAME = re.compile(r"[A-Za-z0-9._@-]{1,64}")
_LEAST_LENGTH = 12  # characters of a password
_LEAST_DIFFERENT = 5
_LEAST_BESIDE_NAME = 8
# Stems of common passwords. A password is refused if nothing but digits and signs is left beside them.
_COMMON = re.compile(
    r"password|passwort|passw0rd|p@ssw0rd|admin|administrator|root|welcome|letmein|qwertyuiop|qwerty|qwertz|asdfghjkl|asdf"
    r"|zxcvbnm|iloveyou|princess|sunshine|football|baseball|monkey|dragon|master|superman|batman|shadow|michael"
    r"|login|secret|changeme|default|mlflow|tracking|test|user|guest|hello|abcdefghijkl|abcdefgh|abcdef|abc"
)
_ACCOUNTS = ("/mlflow/users/create", "/mlflow/users/create-ui", "/mlflow/users/update-password")


def name_fault(name: str) -> str | None:
    """Why an account cannot have this name, or None."""
    if _NAME.fullmatch(name):
        return None
    return "a name has 1 to 64 letters, digits and . _ - @"


def password_fault(name: str, password: str) -> str | None:
    """Why an account cannot have this password, or None."""
    if len(password) < _LEAST_LENGTH:
        return f"a password has at least {_LEAST_LENGTH} characters"
    if name and len(password.lower().replace(name.lower(), "")) < _LEAST_BESIDE_NAME:
        return "a password may not be the name of its account"
    rest = re.sub(r"[\W\d_]", "", _COMMON.sub("", password.lower()))
    if (len(rest) < 3 and _COMMON.search(password.lower())) or len(set(password)) < _LEAST_DIFFERENT:
        return "this password is one of the first that people guess; take several words"
    return "this password counts up; take several words" if password[:10] in "01234567890123456789" else None


def refuse_accounts() -> tuple[dict[str, str], int] | None:
    """Before MLflow's own handler: refuse a new account or password that is not safe."""
    from flask import request

    if request.method not in ("POST", "PATCH") or not request.path.endswith(_ACCOUNTS):
        return None
    content = request.form if request.path.endswith("-ui") else request.get_json(force=True, silent=True) or {}
    name, password = str(content.get("username", "")), str(content.get("password", ""))
    is_new = not request.path.endswith("/update-password")
    fault = (name_fault(name) if is_new else None) or password_fault(name, password)
    return ({"error_code": "INVALID_PARAMETER_VALUE", "message": fault}, 400) if fault else None
