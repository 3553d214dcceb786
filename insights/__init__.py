"""Conversation metrics, SOP rates and KPIs, from stored results."""
