"""From scores and rules to a verdict: calibration, conformal sets, thresholds, gate, explanation."""
