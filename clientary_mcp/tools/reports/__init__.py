"""Questions about many records, answered with figures: the toolset `reports`."""
