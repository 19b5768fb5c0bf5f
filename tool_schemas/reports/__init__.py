"""What reports take: one question, one module."""
