"""Activities that an HTTP endpoint runs: the endpoint, and the carrier that calls it."""
