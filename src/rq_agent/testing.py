"""Clients for tests, which need no server and no worker; see api/testing.py."""

from .api.testing import SyncTestClient, TestClient

__all__ = ["SyncTestClient", "TestClient"]
