"""What agents can do with a whole account: every request goes through the session to the embedded one."""
