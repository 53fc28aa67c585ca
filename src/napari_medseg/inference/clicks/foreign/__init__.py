"""Other people's click models, each a `ClickMethod`: one module a family."""
