"""The queue of a server: films are accepted, decoded, read in batches and stored.

Nothing here knows HTTP or DICOM. Failures are classes of `pneumoscope.errors`; rows of the database
store their code, message and hint, and each server translates these for its own protocol.
"""
