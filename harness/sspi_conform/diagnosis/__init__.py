# SPDX-License-Identifier: Apache-2.0
"""Why an authentication failed: rules over recorded exchanges, each with its text, clause, causes and checks.

A rule is a function of `view.View` that returns a `model.Seen` or None; its name with dashes is the diagnosis' id. To add
one: the function, its name in the RULES of its module, and a text in the YAML file beside the module.
"""
