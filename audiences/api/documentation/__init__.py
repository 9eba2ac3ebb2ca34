"""What the API's documentation says of each operation, one module per resource."""
