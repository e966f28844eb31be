"""The papers' tables, figures and claims, beside what is counted and measured here."""
