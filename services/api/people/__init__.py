"""The people who use Cordon, and the devices: who they are, and what they may see."""
