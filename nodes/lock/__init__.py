"""A Chubby-style lock service on a replicated log, one concern a file."""
