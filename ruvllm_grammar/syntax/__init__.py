"""Readers of grammar texts: regular expressions, GBNF and Lark into the intermediate representation."""
