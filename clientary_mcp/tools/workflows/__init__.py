"""Jobs of several writes behind one gate: the toolset `workflows`."""
