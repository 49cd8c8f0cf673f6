"""One file a schema revision; shipped ones are never changed (:data:`core.catalog.files.REVISIONS`)."""
