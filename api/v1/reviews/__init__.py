"""Human review of calls: the queue, one review, its steps."""
