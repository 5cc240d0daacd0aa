"""Reporting checklists, filled from the records: CLAIM 2024, TRIPOD+AI, STARD-AI."""
