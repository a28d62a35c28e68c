"""What is done with fields before a row leaves the replica: dropped, hashed or masked (scoring/scrub.py does it)."""

from __future__ import annotations

import hashlib
import json

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from scoring.scrub import ACTIONS, DROP, HASH, MASK, VARIABLE

__all__ = ["DROP", "HASH", "MASK", "VARIABLE", "clean_rules", "for_replica"]

MOST_RULES, LONGEST_FIELD = 200, 200


def clean_rules(rules) -> list[dict[str, str]]:
    """[{field, action}], sorted, each field once. Raises ValidationError at `collect_rules`."""
    found: dict[str, dict[str, str]] = {}
    faults = []
    if not isinstance(rules, list | tuple) or len(rules) > MOST_RULES:
        raise ValidationError({"collect_rules": _("Give at most %(most)d rules.") % {"most": MOST_RULES}})
    for rule in rules:
        field = rule.get("field") if isinstance(rule, dict) else None
        if not isinstance(field, str) or not field.strip() or len(field) > LONGEST_FIELD or "\x00" in field:
            faults.append(_("Each rule names a field with 1 to %(most)d characters.") % {"most": LONGEST_FIELD})
            continue
        field = field.strip()
        if rule.get("action") not in ACTIONS:
            faults.append(_("%(field)s: choose drop, hash or mask.") % {"field": field})
        elif field.casefold() in found:
            faults.append(_("%(field)s has two rules.") % {"field": field})
        else:
            found[field.casefold()] = {"field": field, "action": rule["action"]}
    if faults:
        raise ValidationError({"collect_rules": list(dict.fromkeys(faults))})
    return [found[name] for name in sorted(found)]


def for_replica(rules: list[dict[str, str]], secret: str) -> str:
    """The value of MODELPORT_COLLECT_RULES. The key of hashes is the service's own, so that equal values stay equal over revisions."""
    key = hashlib.sha256(f"collected data\n{secret}".encode()).hexdigest()
    return json.dumps({"key": key, "fields": {rule["field"]: rule["action"] for rule in rules}}, sort_keys=True)
