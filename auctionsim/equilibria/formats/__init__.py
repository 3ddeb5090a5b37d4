"""Equilibria of pricing rules that are none of the usual ones, and of play without swap regret."""
