"""Workspaces: the tenants. Every row below belongs to one, and every request is resolved to a Scope in one."""
