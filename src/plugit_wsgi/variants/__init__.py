"""Other deployments of a service, for some of its visitors."""
