"""What host and service must agree on: pure values, no IO."""
