"""Pictures, and objects in them."""
