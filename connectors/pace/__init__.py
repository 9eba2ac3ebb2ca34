"""One budget of calls per ESP account, and a breaker per authorization, for all workers and hosts together."""
