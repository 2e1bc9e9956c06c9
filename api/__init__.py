"""Python programs submit tasks and wait for them: `rq_agent.Client`."""
