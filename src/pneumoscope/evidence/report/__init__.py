"""Pages, PDF and plots of audits, evaluations, site profiles and drift."""
