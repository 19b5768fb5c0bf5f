"""What agents may say and what they hear: every argument and every record, and the JSON Schema of both."""
