"""A Clientary account that needs no Clientary: its API over tables in memory, for trials and tests.

It speaks the wire as the documentation has it and shares no code with the client that it checks. It fails when it is
told to (`Faults`), and its ledger says what took effect all the same. From httpx, `network.py` is the way to it.
"""

from clientary_mcp.sandbox.account import Sandbox
from clientary_mcp.sandbox.controls.fault_middleware import Dropped
from clientary_mcp.sandbox.controls.faults import STORM, Fault, Faults
from clientary_mcp.sandbox.controls.ledger import Ledger, Write
from clientary_mcp.sandbox.controls.switches import Switches

__all__ = ["STORM", "Dropped", "Fault", "Faults", "Ledger", "Sandbox", "Switches", "Write"]
