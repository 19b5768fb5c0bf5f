"""Code that several tools share: lists, look-ups, search, previews, mailing, export files."""
