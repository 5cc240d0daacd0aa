"""Films on their way into the network: augmentation and batches."""
