"""What keeps other people's money safe: each promise, tried from outside, as an owner or an agent would see it."""
