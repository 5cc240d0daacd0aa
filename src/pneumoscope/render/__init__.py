"""What a prediction says, for people and programs: words, JSON, CSV, heatmaps, sheet, cards."""
