"""A bundle in other formats: TFLite, SavedModel and others."""
