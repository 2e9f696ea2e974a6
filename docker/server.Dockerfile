# The tracking server, its backup and its clean-up. Built from the top of the repository:
#   docker build -f docker/server.Dockerfile -t msl-server .
# To pin the base image exactly: --build-arg BASE=python:3.11-slim-bookworm@sha256:…
ARG BASE=python:3.11-slim-bookworm
FROM ${BASE}

RUN groupadd --gid 10001 msl \
    && useradd --uid 10001 --gid msl --no-create-home --home-dir /tmp --shell /usr/sbin/nologin msl \
    && install -d -o msl -g msl -m 700 /data /backup /scratch

COPY docker/server.txt /opt/msl/docker/
RUN pip install --no-cache-dir --require-hashes -r /opt/msl/docker/server.txt

COPY entrypoints /opt/msl/entrypoints
COPY msl /opt/msl/msl
# The container's file system is read-only, so Python's compiled files are written now.
RUN python -m compileall -q /opt/msl

ENV PYTHONPATH=/opt/msl PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HOME=/tmp GIT_PYTHON_REFRESH=quiet
USER msl
WORKDIR /data
EXPOSE 5000
HEALTHCHECK --interval=30s --timeout=5s --start-period=90s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:5000/health', timeout=4)"]
CMD ["python", "-m", "entrypoints.serve", "--folder", "/data", "--host", "0.0.0.0"]
