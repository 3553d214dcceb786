"""Audio file(s) in, Transcript out: decode, checks, VAD, engines, roles."""
