"""The DICOM node: films in from an archive, results back into their studies. Needs the [pacs] extra."""
