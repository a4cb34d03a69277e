"""Inhibitions, in the terms of Alertmanager: while one alert lives, others are marked."""
