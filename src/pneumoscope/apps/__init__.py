"""Gradio and Streamlit: thin apps for one person, in a notebook or on a personal computer."""
