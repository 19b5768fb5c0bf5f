"""A Clientary account that needs no Clientary: its API over tables in memory, for trials and tests.

It speaks the wire as the documentation has it and shares no code with the client that it checks.
"""

from .account import Sandbox
from .switches import Switches

__all__ = ["Sandbox", "Switches"]
