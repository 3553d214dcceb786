"""Key-event tree: the document, its matchers, hits with evidence, SOP state, timeline."""
