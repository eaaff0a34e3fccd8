"""`make audit`: what is known against the dependencies, and a list of all of them."""
