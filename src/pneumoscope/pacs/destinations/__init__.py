"""Where results go: DICOM archives (C-STORE, STOW-RS), folders, FHIR servers and webhooks.

`settings` reads what a site has configured, `opening` makes the destinations; every other module is
one kind of destination, or what several have in common.
"""
