"""Sentence encoders behind one Protocol. The only place besides asr/engines with ML libraries."""
