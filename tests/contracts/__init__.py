"""The OpenAPI documents against what the services answer."""
