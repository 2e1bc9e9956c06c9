"""Wrong invocations, by area: what each is answered with."""
