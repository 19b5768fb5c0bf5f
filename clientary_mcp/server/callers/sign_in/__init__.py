"""Signing in: the authorization server with which people let a program act for them, on the SDK's OAuth handlers."""
