# Targets: web (also beat and migrate), worker (also training on the CPU), gpu, serving.
ARG PYTHON_IMAGE=python:3.11.14-slim-bookworm@sha256:65a93d69fa75478d554f4ad27c85c1e69fa184956261b4301ebaf6dbb0a3543d

FROM ${PYTHON_IMAGE} AS base
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PATH=/venv/bin:$PATH MAQUETTE_DATA=/data HOME=/tmp \
    HF_HOME=/data/cache/hub
# LightGBM needs OpenMP's library; what reads people's files is confined by Landlock and libseccomp.
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 libseccomp2 && rm -rf /var/lib/apt/lists/*
RUN groupadd --gid 10001 maquette \
    && useradd --uid 10001 --gid maquette --no-create-home --home-dir /tmp --shell /usr/sbin/nologin maquette \
    && useradd --uid 10002 --gid maquette --no-create-home --home-dir /tmp --shell /usr/sbin/nologin trainer \
    && install -d -o maquette -g maquette -m 0750 /data /data/runs
WORKDIR /app

# Libraries are built apart, so that pip and its cache stay out of the images that run.
FROM ${PYTHON_IMAGE} AS pip
# Each file is checked against its published hash (requirements/lock.py).
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PATH=/venv/bin:$PATH \
    CHECKED="--require-hashes --no-deps --only-binary=:all:"
RUN python -m venv /venv
COPY requirements /requirements

FROM pip AS web-libraries
RUN --mount=type=cache,target=/root/.cache/pip pip install $CHECKED -r /requirements/locked-web.txt

FROM pip AS serving-libraries
RUN --mount=type=cache,target=/root/.cache/pip pip install $CHECKED -r /requirements/locked-serving.txt

# TORCH_INDEX: PyTorch's index of CPU builds, which saves several GB (docs/operations.md).
# VIDEO=1: with PyAV, whose FFmpeg holds encoders under the GPL (docs/data.md).
FROM web-libraries AS worker-libraries
ARG TORCH_INDEX="" VIDEO=""
RUN --mount=type=cache,target=/root/.cache/pip \
    pip install $CHECKED -r /requirements/locked-trainer.txt ${VIDEO:+-r /requirements/locked-video.txt} \
    && python /requirements/install_torch.py ${TORCH_INDEX:+"$TORCH_INDEX"}

# The build with CUDA, which is the default one on Linux.
FROM web-libraries AS gpu-libraries
ARG VIDEO=""
RUN --mount=type=cache,target=/root/.cache/pip \
    pip install $CHECKED -r /requirements/locked-trainer.txt ${VIDEO:+-r /requirements/locked-video.txt} \
    && python /requirements/install_torch.py

FROM base AS site
COPY manage.py pyproject.toml LICENSE ./
COPY trainer trainer
COPY sandbox sandbox
COPY webapp webapp
COPY locale locale
COPY templates templates
COPY static static
# Nothing can be written here later, and each upload and run begins a process that imports hundreds of these files.
RUN python -m compileall -q trainer sandbox webapp

FROM site AS web
COPY --from=web-libraries /venv /venv
USER maquette
EXPOSE 8000
CMD ["uvicorn", "webapp.asgi:application", "--host=0.0.0.0", "--port=8000", "--no-access-log", "--log-level=warning", "--proxy-headers", "--timeout-graceful-shutdown=3", "--http=trainer.http_protocol:BoundedProtocol", "--limit-concurrency=400", "--ws=none"]

FROM site AS worker
COPY --from=worker-libraries /venv /venv
USER maquette
# Begun as root with SETUID, SETGID and KILL (docker-compose.yml), it gives trainers a user of their own.
ENTRYPOINT ["python", "-m", "sandbox.user", "10001:10001", "--"]
CMD ["celery", "--quiet", "--app=webapp", "worker", "--queues=default", "--pool=threads", "--concurrency=3", "--loglevel=INFO"]

FROM site AS gpu
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
COPY --from=gpu-libraries /venv /venv
USER maquette
ENTRYPOINT ["python", "-m", "sandbox.user", "10001:10001", "--"]
CMD ["celery", "--quiet", "--app=webapp", "worker", "--queues=train-gpu", "--pool=threads", "--concurrency=1", "--loglevel=INFO"]

FROM base AS serving
COPY LICENSE ./
COPY trainer trainer
COPY sandbox sandbox
COPY serving serving
RUN python -m compileall -q trainer sandbox serving
COPY --from=serving-libraries /venv /venv
USER maquette
EXPOSE 8001
# Confined by Landlock, as by `make run`: of the data it reads what runs left, and its network is Redis and its own port.
ENTRYPOINT ["python", "-m", "sandbox", "--code=/app/serving", "--code=/app/trainer", "--read=/data/runs", "--hide=/data", "--listen=8001", "--scratch=/tmp/serving", "--", "python", "-m"]
CMD ["uvicorn", "serving.app:app", "--host=0.0.0.0", "--port=8001", "--no-access-log", "--log-level=warning", "--timeout-graceful-shutdown=3", "--http=trainer.http_protocol:BoundedProtocol", "--limit-concurrency=400", "--ws=none"]
