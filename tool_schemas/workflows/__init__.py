"""What jobs take: one job, one module."""
