"""The dashboard: a JSON and SSE API and static pages."""
