"""What makes the server installable where people look for it: the files of registries, hosts and catalogues.

Each is generated from `pyproject.toml`, `packaging/publisher.toml`, the settings and the tools; `scripts/docs` writes
them anew.
"""
