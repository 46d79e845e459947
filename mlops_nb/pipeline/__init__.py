"""Stages: notebooks run as steps, and what makes one run again."""
