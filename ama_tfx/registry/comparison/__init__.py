"""What differs between versions: parameters, metrics, files, schemas, tensors; as rows, tables and a page."""
