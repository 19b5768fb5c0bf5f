"""`python -m clientary_mcp`: the same as `clientary-mcp`."""

from clientary_mcp.cli.main import main

if __name__ == "__main__":
    main()
