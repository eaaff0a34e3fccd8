"""A web page for who is on call: health, latency, lag, quarantine and traces, live."""
