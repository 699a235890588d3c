"""For tests of hosts, services and extensions; needs pytest."""
