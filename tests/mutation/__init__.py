"""Small changes of compiled mappings, and whether the tests' cases notice them."""
