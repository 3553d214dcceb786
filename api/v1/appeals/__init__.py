"""Appeals of agents and their final judgement."""
