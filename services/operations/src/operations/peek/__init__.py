"""Records of a topic, decoded: `payments peek`."""
