"""Networks of others: read as untrusted files, probed, and written as models for `--model`."""
