"""Job names, stages and the worker: the only place that wires asr, nlp, events, qa_rules, models."""
