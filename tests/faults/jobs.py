"""The faults of the jobs that share out money and change many records, and of billing_check."""

from tests.faults.planted import TOOLS, Planted

_JOBS = f"{TOOLS}/workflows"
FAULTS_OF_JOBS = (
    Planted(
        "jobs", "a sum is divided again when its preview no longer holds", f"{_JOBS}/allocate_payment.py",
        "if begun := _begun(known, args, job, recorded):", "if begun := []:",
        "tools/workflows/test_allocate_payment.py",
    ),
    Planted(
        "jobs", "a share that is recorded is recorded again", f"{_JOBS}/allocate_payment.py",
        "if job.was_shown(_item(now), payment.amount, before, args.received_on, args.note):", "if False:",
        "tools/workflows/test_allocate_payment.py",
    ),
    Planted(
        "jobs", "more than is owed by now is recorded", f"{_JOBS}/recording.py",
        "if receipt.amount > owed and", "if False and", "tools/workflows/test_reconcile_readings.py",
    ),
    Planted(
        "jobs", "a payment that may still come is sent again", f"{_JOBS}/recording.py",
        "if may_still_come(clientary, await ledger.find(step)):", "if False:",
        "tools/workflows/test_allocate_payment.py",
    ),
    Planted(
        "jobs", "a line whose candidates differ is recorded", "clientary_mcp/accounting/bank/matching.py",
        "if len(sets) != 1:", "if not sets:", "tools/workflows/test_reconcile_payments.py",
    ),
    Planted(
        "jobs", "a rate is raised twice", f"{_JOBS}/bulk_update.py",
        "await job.ledger.find(changes.step(row.id, row.before[\"rate\"]))", "False",
        "tools/workflows/test_bulk_update.py",
    ),
    Planted(
        "jobs", "what somebody changed since is set back", f"{_JOBS}/undo.py",
        "if changed := changed_since(action, now):", "if changed := []:", "tools/workflows/test_undo.py",
    ),
    Planted(
        "jobs", "the same call of another process bills another part", f"{_JOBS}/invoice_from_estimate.py",
        "    return step is not None and (", "    return False and (", "tools/workflows/test_estimate_shares.py",
    ),
    Planted(
        "jobs", "more than all of an estimate is billed", f"{_JOBS}/estimate_shares.py",
        "if percent > (left := max(WHOLE - before, ZERO)):", "if percent > (left := WHOLE):",
        "tools/workflows/test_estimate_shares.py",
    ),
    Planted(
        "jobs", "a copy names the work of its source", f"{_JOBS}/copy_invoice.py",
        "plain = without_references(note)", "plain = note or \"\"", "tools/workflows/test_copy_invoice.py",
    ),
    Planted(
        "report", "the smallest findings of a check come first", f"{TOOLS}/reports/billing_check.py",
        "amount = abs(finding.amount or ZERO)", "amount = -abs(finding.amount or ZERO)",
        "tools/reports/test_billing_check.py",
    ),
)  # fmt: skip
