"""The report: figures, tables and one page, made from the tidy tables of a finished run."""
