"""The command in a process whose clock is ahead by the seconds in its first argument, or behind if they are negative.

Its clocks that only measure how much time passes are right, as on a machine whose date was set wrong.
"""

import runpy
import sys
import time

if __name__ == "__main__":
    ahead, right = float(sys.argv.pop(1)), time.time
    time.time = lambda: right() + ahead
    runpy.run_module("clientary_mcp", run_name="__main__", alter_sys=True)
