"""What tests of a server for a team need: replicas as real processes, their proxy, and the accounts behind them."""
