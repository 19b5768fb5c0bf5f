"""A Clientary account that needs no Clientary: its API over tables in memory, for trials and tests.

It answers as the API documentation says and shares no code with the client that it tests. It fails on demand
(`Faults`), and its ledger records every write that took effect. `network.py` connects it to httpx.
"""

from clientary_mcp.sandbox.account import Sandbox
from clientary_mcp.sandbox.controls.fault_middleware import Dropped
from clientary_mcp.sandbox.controls.faults import STORM, Fault, Faults
from clientary_mcp.sandbox.controls.ledger import Ledger, Write
from clientary_mcp.sandbox.controls.switches import Switches

__all__ = ["STORM", "Dropped", "Fault", "Faults", "Ledger", "Sandbox", "Switches", "Write"]
