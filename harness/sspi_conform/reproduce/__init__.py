# SPDX-License-Identifier: Apache-2.0
"""A recorded exchange as a scenario: what it shows, what of that the throwaway realm can be, and whether it goes the same way."""
