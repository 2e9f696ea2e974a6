# All entry points, for a CPU; for a GPU, TORCH_INDEX=https://download.pytorch.org/whl/cu130 and `docker run --gpus all`.
#   docker build -f docker/trainer.Dockerfile -t msl-trainer .
#   docker run -v DATA:/data -e MLFLOW_TRACKING_URI=… msl-trainer python -m entrypoints.adapt --data_root /data
ARG BASE=python:3.11-slim-bookworm
FROM ${BASE}
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ARG TORCH=2.13.0
ARG TORCHVISION=0.28.0

RUN groupadd --gid 10001 msl \
    && useradd --uid 10001 --gid msl --create-home --shell /usr/sbin/nologin msl \
    && install -d -o msl -g msl -m 700 /work

# Torch's dependencies are installed first, from the usual index, so that TORCH_INDEX needs only torch and torchvision.
# The import fails here, and not in a training, if the two were built for different versions of CUDA.
COPY docker/trainer.txt /opt/msl/docker/
RUN pip install --no-cache-dir --require-hashes -r /opt/msl/docker/trainer.txt
RUN pip install --no-cache-dir --index-url "${TORCH_INDEX}" "torch==${TORCH}" "torchvision==${TORCHVISION}" \
    && python -c "import torchvision"

COPY MLproject conda.yaml pyproject.toml /opt/msl/
COPY analysis /opt/msl/analysis
COPY entrypoints /opt/msl/entrypoints
COPY msl /opt/msl/msl
RUN python -m compileall -q /opt/msl

ENV PYTHONPATH=/opt/msl PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 MSL_CACHE=/work/cache TORCH_HOME=/work/torch
USER msl
WORKDIR /work
CMD ["python", "-m", "entrypoints.adapt", "--help"]
