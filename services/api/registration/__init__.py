"""Registration before arrival: a public form behind a site's code, confirmed by an officer."""
