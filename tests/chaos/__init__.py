"""What dies, hangs, lies and comes back, under load: nothing may be lost by it.

Every test has a short form, for CI, and a long one: `make chaos`. Each prints one line of figures.
"""
