# Two stages: the first builds the wheel, the second holds Python, the wheel and what it needs.

FROM python:3.13-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY tool_schemas ./tool_schemas
COPY clientary_mcp ./clientary_mcp
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:3.13-slim
ENV PYTHONUNBUFFERED=1
COPY --from=build /wheels /wheels
RUN pip install --no-cache-dir /wheels/*.whl && useradd --create-home --uid 1000 clientary
USER clientary
WORKDIR /home/clientary
ENTRYPOINT ["clientary-mcp"]
