"""Networks of others: a frozen graph, and what was found out about it."""
