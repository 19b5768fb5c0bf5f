"""The arguments of workflows, one module each."""
