"""Job names, stages and the worker: wires asr, nlp, events, qa_rules and models together."""
