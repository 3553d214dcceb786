"""Human review of calls: states and permissions, verdicts, appeals, samples, calibration."""
