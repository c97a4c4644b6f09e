"""Pictures with texts."""
