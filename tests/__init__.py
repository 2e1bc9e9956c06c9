"""Tests: unit (no server), scripts (three servers), contract, integration (real processes)."""
