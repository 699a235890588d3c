"""One module for each revision of the tables, applied in their order."""
