"""The sections of the report of an evaluation, one module each."""
