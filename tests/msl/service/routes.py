"""Every route of MLflow's server with accounts, as JSON: [method, path]. A script.

A parameter of one segment is *, and one of any length is **.
"""

import json
import os
import re
import sys
from pathlib import Path

folder = Path(sys.argv[1])
(folder / "accounts.ini").write_text(
    f"[mlflow]\ndefault_permission = READ\ndatabase_uri = sqlite:///{folder}/routes.db\nadmin_username = admin\n"
)
os.environ |= {
    "MLFLOW_AUTH_CONFIG_PATH": str(folder / "accounts.ini"),
    "MLFLOW_FLASK_SERVER_SECRET_KEY": "secret",
    "MLFLOW_AUTH_ADMIN_PASSWORD": "a long password",
    "_MLFLOW_SGI_NAME": "uvicorn",
    "_MLFLOW_SERVER_FILE_STORE": f"sqlite:///{folder}/runs.db",
}

from mlflow.server import app as flask_app  # noqa: E402
from mlflow.server.auth import create_app  # noqa: E402

routes = set()
for included in create_app().routes:
    for route in getattr(included, "effective_candidates", list)():
        routes |= {(method, route.path) for method in route.methods}
for rule in flask_app.url_map.iter_rules():
    routes |= {(method, rule.rule) for method in rule.methods}


def template(path: str) -> str:
    path = re.sub(r"<path:[^>]+>|\{[^}]+:path\}", "**", path)
    return re.sub(r"<[^>]+>|\{[^}]+\}", "*", path)


templates = {(method, template(path)) for method, path in routes}
print(json.dumps(sorted(templates)))
