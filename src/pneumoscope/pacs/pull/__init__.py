"""Films that the node fetches by itself: from DICOMweb servers, and from Orthanc's list of changes."""
