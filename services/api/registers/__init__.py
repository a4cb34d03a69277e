"""The desk where reference data is filed: HTTP in, register topics out, versions to look up."""
