# Two stages: the first installs the server and what it needs, the second takes only the result.

FROM python:3.13-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY tool_schemas ./tool_schemas
COPY clientary_mcp ./clientary_mcp
RUN python -m venv /opt/clientary-mcp \
    && /opt/clientary-mcp/bin/pip install --no-cache-dir ".[xlsx,chart,redis,otel]" \
    && /opt/clientary-mcp/bin/pip uninstall --yes pip

FROM python:3.13-slim
LABEL org.opencontainers.image.title="clientary-mcp" \
      org.opencontainers.image.description="MCP server for Clientary: clients, projects, hours, estimates, invoices and payments for AI agents" \
      org.opencontainers.image.licenses="MIT" \
      io.modelcontextprotocol.server.name="com.example/clientary-mcp"
RUN pip uninstall --yes pip && useradd --create-home --uid 1000 clientary
COPY --from=build /opt/clientary-mcp /opt/clientary-mcp
ENV PATH=/opt/clientary-mcp/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# A number, since Kubernetes cannot tell from a name that it is not root's.
USER 1000
WORKDIR /home/clientary
EXPOSE 8000
# Where nothing listens on port 8000, the server speaks over stdio or on another port, and there is nothing to check.
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["python", "-c", "from http.client import HTTPConnection\nprobe = HTTPConnection('127.0.0.1', 8000, timeout=4)\ntry:\n    probe.request('GET', '/ready')\nexcept ConnectionRefusedError:\n    raise SystemExit(0)\nraise SystemExit(probe.getresponse().status != 200)"]
ENTRYPOINT ["clientary-mcp"]
