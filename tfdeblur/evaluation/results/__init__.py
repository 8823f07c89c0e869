"""The page of results: tables of reports that others can check, beside published columns."""
