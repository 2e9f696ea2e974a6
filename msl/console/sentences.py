"""What the errors of MLflow, of databases, networks, artifact stores and disks mean for their user, and the way out.

A rule has a pattern, which is looked for in the error's text, and a sentence. Numbers in braces are the pattern's
groups, {uri} is the address of the run store. The first rule that fits counts.
"""

import errno
import re
from typing import NamedTuple


class Rule(NamedTuple):
    """A kind of error."""

    pattern: re.Pattern[str]
    sentence: str


def _rules(*pairs: tuple[str, str]) -> tuple[Rule, ...]:
    return tuple(Rule(re.compile(pattern, re.IGNORECASE | re.DOTALL), sentence) for pattern, sentence in pairs)


_LOG_IN = "Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN."
_START = "Start the server (`make serve`), or set MLFLOW_TRACKING_URI to another address."
_ADDRESSES = "Set MLFLOW_TRACKING_URI to http://HOST:PORT, postgresql+psycopg://USER@HOST/NAME or sqlite:///mlflow.db."
_DATABASE_LOG_IN = "Correct user and password in MLFLOW_TRACKING_URI (postgresql+psycopg://USER:PASSWORD@HOST/NAME)."

STATUS = {  # of an answer of a server
    401: f"the server does not accept the log-in (401). {_LOG_IN}",
    403: "this account may not do that (403). A reader account cannot start or change runs: log in with an account "
    "that has the permission EDIT (MLFLOW_TRACKING_USERNAME), or ask the administrator of the server for it.",
    404: "no MLflow server answers under this path (404). Correct the address in MLFLOW_TRACKING_URI.",
    405: "no MLflow server answers under this path (405). Correct the address in MLFLOW_TRACKING_URI.",
    407: "the proxy asks for a log-in (407). Set HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT, or name the server in "
    "NO_PROXY.",
    409: "another process has just made the same thing (409). Give the command again.",
    413: "a file is larger than the server or a proxy before it accepts (413). Start the server with a larger "
    "--upload_limit_mb, or raise the limit of the proxy (nginx: client_max_body_size).",
    429: "the server has too many requests now (429). Give the command again later.",
    500: "the server itself has failed (500). Its own log says why; when it is mended, give the command again.",
    502: f"a gateway answers (502), and the server behind it does not. {_START}",
    503: "the server cannot answer now (503): its database is away or its disk full, or a gateway has no server behind "
    f"it. Its path /ready says more, and its log. {_START}",
    504: f"a gateway answers (504), and the server behind it does not. {_START}",
}

VARIABLES = _rules(
    (
        r"ignore_tls_verification.*must not be set",
        "MLFLOW_TRACKING_INSECURE_TLS and MLFLOW_TRACKING_SERVER_CERT_PATH are both set. Unset one of them.",
    ),
    (
        r"Failed to convert (\S+) for (MLFLOW_\w+)",
        "{1} = {0}: MLflow does not take this value. Correct or unset it.",
    ),
    (r"(MLFLOW_\w+) value must be one of (\[[^]]*\])[^,]*, but got ([^.\n]*)", "{0} = {2}: set one of {1}."),
    (
        r"(MLFLOW_\w*(?:RETR|BACKOFF|TIMEOUT)\w*)[^\n]*(?:must|should)",
        "{0} has a value that MLflow does not take. Correct or unset it.",
    ),
    (
        r"max_retries[^\n]*(?:must|either|should|cannot)",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES has a value that MLflow does not take. Set a number from 0 to 10.",
    ),
    (
        r"Invalid leading whitespace|Header value|header part",
        "the log-in holds characters that a request cannot carry. "
        "Correct MLFLOW_TRACKING_TOKEN, MLFLOW_TRACKING_USERNAME or MLFLOW_TRACKING_PASSWORD.",
    ),
)

ADDRESSES = _rules(
    (r"Invalid IPv6 URL|Invalid URL|Invalid url|No connection adapters|Failed to parse|label empty or too long|"
     r"invalid port|Port (?:could not be cast|out of range)|invalid literal for int\(\) with base 10|"
     r"Could not parse (?:SQLAlchemy|rfc1738)|No host supplied|no host given",
     f"this is no valid address. {_ADDRESSES}"),
    (r"Databricks credential", f"msl does not use Databricks. {_ADDRESSES}"),
    (r"(?:Can't load plugin: sqlalchemy\.dialects:|unsupported URI |Invalid database engine: |URI scheme )'?([\w.+]+)",
     f"{{0}} is no kind of run store that MLflow knows. {_ADDRESSES}"),
)  # fmt: skip

NETWORK = _rules(
    (r"invalid path: ([^\s'\")]+)", "the certificate file {0} does not exist. Correct "
     "MLFLOW_TRACKING_SERVER_CERT_PATH, MLFLOW_TRACKING_CLIENT_CERT_PATH or REQUESTS_CA_BUNDLE."),
    (r"NO_CERTIFICATE_OR_CRL_FOUND|\[X509|\[PEM|PEM lib|KEY_VALUES_MISMATCH", "a certificate file holds no usable "
     "certificate. Correct MLFLOW_TRACKING_SERVER_CERT_PATH, MLFLOW_TRACKING_CLIENT_CERT_PATH or REQUESTS_CA_BUNDLE."),
    (r"Hostname mismatch|doesn't match|IP address mismatch", "the certificate of the server is for another host name. "
     "Use the name of the certificate in MLFLOW_TRACKING_URI."),
    (r"CERTIFICATE_REQUIRED|certificate required|bad certificate|handshake failure|UNKNOWN_CA|"
     r"EOF occurred in violation", "the server wants a "
     "certificate of the client. Set MLFLOW_TRACKING_CLIENT_CERT_PATH to a file with certificate and key."),
    (r"CERTIFICATE_VERIFY_FAILED|certificate verify failed", "the certificate of the server is not trusted here. Set "
     "MLFLOW_TRACKING_SERVER_CERT_PATH (or REQUESTS_CA_BUNDLE) to the file of its authority; for a test, "
     "MLFLOW_TRACKING_INSECURE_TLS=true checks nothing."),
    (r"WRONG_VERSION_NUMBER|record layer failure|UNEXPECTED_EOF|HTTP_REQUEST", "the server does not speak https under "
     "this address. Begin MLFLOW_TRACKING_URI with http://, or correct its port."),
    (r"ProxyError|Unable to connect to proxy|Cannot connect to proxy|proxy URL", "the proxy cannot be reached. Correct "
     "HTTPS_PROXY or HTTP_PROXY, or name the server in NO_PROXY."),
    (r"SOCKS", "a SOCKS proxy needs a package. `pip install pysocks` brings it, or unset ALL_PROXY."),
    (r"Name or service not known|NameResolutionError|getaddrinfo|nodename nor servname|name resolution|"
     r"could not translate host name|failed to resolve host", "the host name cannot be found. Correct it in "
     "MLFLOW_TRACKING_URI."),
    (r"Invalid Host header|DNS rebinding", "the server does not serve this host name (403). Start it with "
     "--allowed_hosts HOST."),
    (r"not in a valid JSON format|does not answer like", "something other than an MLflow "
     "server answers there. Correct the address in MLFLOW_TRACKING_URI."),
)  # fmt: skip

DATABASE = _rules(
    (r"No module named '(psycopg2|psycopg|pymysql|MySQLdb|pyodbc|pymssql|cx_Oracle|oracledb|asyncpg)",
     "the Python package {0}, which this address needs, is not installed. For PostgreSQL, `pip install "
     "'msl[postgresql]'` brings psycopg, and the address begins with postgresql+psycopg://; for other databases, "
     "`pip install {0}`."),
    (r"no pq wrapper available", "psycopg lacks its library. `pip install 'psycopg[binary]'` brings it."),
    (r"Can't locate revision identified by '(\w+)'", "the database has the schema of a newer MLflow (revision {0}). "
     "Update MLflow: `pip install -U mlflow`."),
    (r"file is not a database|file is encrypted", "the file is no SQLite database. Name another file in "
     "MLFLOW_TRACKING_URI."),
    (r"malformed|disk I/O error", "the database file is damaged, or its disk fails. Restore a backup of it: "
     "`sqlite3 FILE .recover` saves what can be read."),
    (r"unable to open database file", "the file cannot be opened or made. Make its folder, or correct the path in "
     "MLFLOW_TRACKING_URI (sqlite:///FILE is relative to this folder, sqlite:////FILE is absolute)."),
    (r"database is locked", "another process is writing to the database. Give the command again when it has finished; "
     "for several machines, use a server (`make serve`)."),
    (r"readonly database|read-only transaction", "the database can only be read. Give the user write permission for "
     "the file and its folder, or use another store (MLFLOW_TRACKING_URI)."),
    (r"database or disk is full|No space left|could not extend file", "the disk of the database is full. Free some "
     "space, then give the command again."),
    (r"password authentication failed|no password supplied|Access denied for user|Peer authentication failed|"
     r"Ident authentication failed|no pg_hba\.conf entry", f"the database does not accept the log-in. "
     f"{_DATABASE_LOG_IN}"),
    (r"role \"([^\"]+)\" does not exist", f"the database has no user {{0}}. {_DATABASE_LOG_IN}"),
    (r"database \"([^\"]+)\" does not exist|Unknown database '([^']+)'", "the server has no database of this name. "
     "Make it (`createdb NAME`), or correct the name in MLFLOW_TRACKING_URI."),
    (r"permission denied for|InsufficientPrivilege|command denied", "the user of the database may not do that. Give it "
     "all rights on MLflow's tables, or name another user in MLFLOW_TRACKING_URI."),
    (r"too many clients|remaining connection slots|Too many connections", "the database has no connection left. Give "
     "the command again later, or raise max_connections of the database."),
    (r"no such table|no such column|UndefinedTable|UndefinedColumn|relation \"[^\"]+\" does not exist",
     "the database lacks tables or columns of this MLflow. If it is a run store of an older MLflow, make a copy of it, "
     "then give `mlflow db upgrade {uri}`."),
    (r"server closed the connection|terminating connection|Lost connection|connection is closed|is starting up|"
     r"is shutting down|connection is lost|consuming input failed|connection to server|connection failed|"
     r"connection is bad|Can't connect to (?:MySQL )?server|connection not open",
     "the database does not answer. Start it, or correct the address in MLFLOW_TRACKING_URI; then give the command "
     "again."),
)  # fmt: skip

_STORAGE_PACKAGES = {"boto3": "'msl[s3]'", "botocore": "'msl[s3]'", "google": "google-cloud-storage",
                     "azure": "azure-storage-blob azure-identity", "pysftp": "pysftp 'paramiko<4'",
                     "paramiko": "pysftp 'paramiko<4'"}  # fmt: skip

# Looked for before NETWORK: their causes are errors of a network, and not of the run store's.
ENDPOINTS = _rules(
    (r"host='([\w.-]+\.(?:googleapis\.com|core\.windows\.net|amazonaws\.com))'|"
     r"resolve '([\w.-]+\.core\.windows\.net)'", "the artifact store {0}{1} cannot be reached from here. Check the "
     "network, and the bucket or account in the artifact location of the experiment."),
    (r"Could not connect to the endpoint URL|EndpointConnectionError|Invalid endpoint", "the artifact store S3 cannot "
     "be reached. Correct MLFLOW_S3_ENDPOINT_URL, or start the store."),
)  # fmt: skip

ARTIFACTS = _rules(
    (r"cannot import name '\w+' from 'paramiko'", "pysftp does not work with this paramiko. `pip install "
     "'paramiko<4'` brings one with which it does."),
    *((rf"No module named '{module}|{module} (?:is )?(?:not installed|must be installed)", "the artifact store needs a "
       f"Python package that is not installed. `pip install {package}` brings it.")
      for module, package in _STORAGE_PACKAGES.items()),
    (r"Unable to locate credentials|NoCredentials|PartialCredentials|partial credentials", "the artifact store S3 "
     "needs credentials. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE."),
    (r"config profile \(([^)]*)\) could not be found", "AWS_PROFILE = {0}: ~/.aws/config has no such profile. Correct "
     "or unset it."),
    (r"InvalidAccessKeyId|SignatureDoesNotMatch|ExpiredToken|InvalidToken", "the artifact store S3 does not accept the "
     "credentials. Correct AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN."),
    (r"NoSuchBucket|bucket does not exist", "the artifact store has no such bucket. Make it, or correct the artifact "
     "location of the experiment."),
    (r"\(AccessDenied\)|\(403\)[^\n]*(?:HeadObject|ListObjects|PutObject|GetObject)|Forbidden[^\n]*storage", "the "
     "credentials may not use this bucket. Set credentials that may (AWS_ACCESS_KEY_ID, AWS_PROFILE)."),
    (r"DefaultCredentialsError|default credentials were not found|GOOGLE_APPLICATION_CREDENTIALS", "the artifact store "
     "on Google Cloud needs credentials. Set GOOGLE_APPLICATION_CREDENTIALS to the file with the account's key."),
    (r"AZURE_STORAGE|DefaultAzureCredential", "the artifact store on Azure needs credentials. Set "
     "AZURE_STORAGE_CONNECTION_STRING or AZURE_STORAGE_ACCESS_KEY."),
    (r"No hostkey for host|AuthenticationException|SSHException", "the artifact store over SFTP "
     "does not accept the log-in. Connect once by `sftp USER@HOST`, so that its host key and yours are known."),
    (r"Could not find a registered artifact repository for: (\S+?)\. ", "{0} is no kind of artifact store that MLflow "
     "knows. Make an experiment with another artifact location (MLFLOW_EXPERIMENT_NAME)."),
)  # fmt: skip

RECORDS = _rules(
    (r"(?:No Experiment with id=|Could not find experiment with ID |experiment (?:with )?ID )'?([^\s'.]+)'?[^\n]*?"
     r"(?:exists|not found|does not exist|$)", "there is no experiment with the ID {0}. Unset MLFLOW_EXPERIMENT_ID, "
     "and set MLFLOW_EXPERIMENT_NAME to a name."),
    (r"Invalid experiment ID: ([^\n]*)|Invalid value ([^\n]*) for parameter 'experiment_id'", "MLFLOW_EXPERIMENT_ID is "
     "no ID of an experiment, which is a number. Unset it, and set MLFLOW_EXPERIMENT_NAME to a name."),
    (r"experiment (\S+) must be in the 'active' state|deleted' (?:state|lifecycle)", "the experiment or the run is "
     "deleted. `mlflow experiments restore -x ID` or `mlflow runs restore --run-id ID` restores it, or set "
     "MLFLOW_EXPERIMENT_NAME to another name."),
    (r"The run ([0-9a-f]+) must be in (?:the )?'active'", "run {0} is deleted. `mlflow runs restore --run-id {0}` "
     "restores it."),
    (r"Run (?:with id=|')?([^\s'=]+)'? not found", "there is no run {0} in this store. `msl runs` lists the runs; set "
     "MLFLOW_TRACKING_URI to the store that has it."),
    (r"Changing param values is not allowed[^\n]*?(?:key='([^']*)')?", "the run has other parameters already. Start a "
     "new run: unset MLFLOW_RUN_ID."),
    (r"(?:is_)?file-based|filesystem (?:tracking )?backend|file store", "this MLflow no longer supports stores of "
     "files (./mlruns). Set MLFLOW_TRACKING_URI to sqlite:///mlflow.db."),
)  # fmt: skip

UNREACHED = _rules(
    (r"Connection refused|ECONNREFUSED|Failed to establish", f"nothing answers there (connection refused). {_START}"),
    (r"timed? ?out", "nothing answers in time. Correct the address in MLFLOW_TRACKING_URI, or raise "
     "MLFLOW_HTTP_REQUEST_TIMEOUT."),
    (r"RemoteDisconnected|Connection aborted|ConnectionReset|Connection reset|IncompleteRead|Broken pipe|"
     r"ChunkedEncoding|Network is unreachable|No route to host|ConnectionError", "the connection to the server was "
     "lost. Give the command again when the network and the server answer."),
)  # fmt: skip

DISKS = {  # by number of the system's error
    errno.ENOSPC: "the disk is full. Free some space, or set MSL_WORK (files of runs) or TMPDIR to another disk.",
    errno.EDQUOT: "your quota on this disk is used up. Delete files, or set MSL_WORK (files of runs) to another disk.",
    errno.EROFS: "the disk can only be read. Set MSL_WORK (files of runs), or the output, to a folder on another one.",
    errno.EACCES: "the permission is missing. Give it, or name a folder that you may write.",
    errno.EPERM: "the permission is missing. Give it, or name a folder that you may write.",
    errno.EMFILE: "too many files are open. Raise the limit: `ulimit -n 4096`.",
    errno.EIO: "the disk or the network drive fails. Check it, or set MSL_WORK (files of runs) to another disk.",
    errno.ESTALE: "the network drive is no longer there. Mount it again, then give the command again.",
}
