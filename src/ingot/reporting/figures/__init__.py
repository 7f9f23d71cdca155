"""One figure per module: tidy tables in, a picture with its caption and its data out."""
