"""The papers: their tables, figures and claims, printed beside what is found here."""
