"""Sounds, and speech."""
