"""Jobs of several writes behind one confirmation: the toolset `workflows`."""
