# Workers of Dataflow, Flink and Spark, and a flex template's launcher, from one file:
#   docker build --target worker   -t IMAGE .                                     on the processor
#   docker build --target worker   --build-arg VARIANT=cuda -t IMAGE-cuda .       with CUDA's libraries
#   docker build --target launcher -t IMAGE-launcher .                            flex template
# BEAM is the version in requirements/: a worker of another one refuses the job.
ARG PYTHON=3.11
ARG BEAM=2.77.0
ARG VARIANT=cpu

FROM apache/beam_python${PYTHON}_sdk:${BEAM} AS beam
FROM gcr.io/dataflow-templates-base/python311-template-launcher-base AS template

FROM python:${PYTHON}-slim AS venv
WORKDIR /opt/mm-emor
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1

# Scores on OpenVINO, on the processor.
FROM venv AS packages-cpu
COPY requirements/gcp.txt requirements.txt

# With TensorFlow, and its wheels of CUDA's libraries: the machine brings the driver alone.
FROM venv AS packages-cuda
COPY requirements/gpu.txt requirements.txt

FROM packages-${VARIANT} AS package
RUN pip install --no-deps --require-hashes -r requirements.txt && pip check
COPY setup.py pyproject.toml README.md LICENSE NOTICE ./
COPY schemas schemas
COPY model model
COPY beam_jobs beam_jobs
COPY mm_emor mm_emor
RUN pip install --no-deps --no-build-isolation . && pip check

FROM python:${PYTHON}-slim AS worker
COPY --from=package /opt/venv /opt/venv
COPY --from=beam /opt/apache/beam /opt/apache/beam
ENV PATH=/opt/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 \
    RUN_PYTHON_SDK_IN_DEFAULT_ENVIRONMENT=1
ENTRYPOINT ["/opt/apache/beam/boot"]

# Google's launcher runs the command with the template's parameters and submits the graph it makes.
FROM worker AS launcher
COPY --from=template /opt/google/dataflow/python_template_launcher /opt/google/dataflow/python_template_launcher
COPY deploy/flex_template.py deploy/flex_template.json /opt/mm-emor/deploy/
ENV FLEX_TEMPLATE_PYTHON_PY_FILE=/opt/mm-emor/deploy/flex_template.py
ENTRYPOINT ["/opt/google/dataflow/python_template_launcher"]
