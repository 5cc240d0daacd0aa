"""Audit messages of a node (DICOM PS3.15 A.5) to a syslog: what they say, and how they get there."""
