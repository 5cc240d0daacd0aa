"""The result of one DICOM film as objects for its study: SR, SC, SEG, GSPS, PDF, and FHIR.

What IHE calls AI Results (AIR). Needs the [pacs] extra. `objects` makes them; every other module
is one kind of object, or what several have in common.
"""
