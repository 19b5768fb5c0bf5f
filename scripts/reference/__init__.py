"""The reference of the tools: what each takes, and an example call with the answer of the embedded account."""
