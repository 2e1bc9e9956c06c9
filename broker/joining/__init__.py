"""How a machine or a person gets a login of its own: links, tokens, the registrar, the joiner."""
