"""The terminal. Wires everything."""
