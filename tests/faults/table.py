"""The faults: the text in which file, its replacement, and the tests that should detect it first."""

from tests.faults.jobs import FAULTS_OF_JOBS
from tests.faults.planted import API, SERVER, TOOLS, Planted

FAULTS = (
    Planted(
        "retry", "a write whose connection broke is sent again", f"{API}/retry.py",
        'if request.method != "GET":', 'if request.method != "GET" and failure is None:', "api/test_retry.py",
    ),
    Planted(
        "retry", "a read whose connection broke is not sent again", f"{API}/retry.py",
        "if isinstance(failure, httpx.TransportError):", "if False:", "api/test_retry.py",
    ),
    Planted(
        "retry", "a write that was asked to slow down is not sent again", f"{API}/retry.py",
        "response.status_code == 429:", 'response.status_code == 429 and request.method == "GET":', "api/test_retry.py",
    ),
    Planted(
        "retry", "a write answered 502, 503 or 504 is sent again", f"{API}/retry.py",
        'if request.method != "GET":', 'if request.method != "GET" and response is None:', "api/test_retry.py",
    ),
    Planted(
        "retry", "a read answered 503 is not sent again", f"{API}/retry.py",
        "_SERVER_ERRORS = (502, 503, 504,", "_SERVER_ERRORS = (502, 504,", "api/test_retry.py",
    ),
    Planted(
        "retry", "a read that may fail in the same way each time is sent without end", f"{API}/retry.py",
        "MAX_TRIES_IN_DOUBT = 3", "MAX_TRIES_IN_DOUBT = 5", "api/test_bodies.py",
    ),
    Planted(
        "retry", "a read whose JSON breaks off is not sent again", f"{API}/retry.py",
        "and not self._legible(request, response)", "and False", "api/test_retry.py",
    ),
    Planted(
        "retry", "a request leaves after the deadline", f"{API}/rate_limit.py",
        "if call.left <= 0:", "if call.left <= -600:", "api/test_rate_limit.py api/test_retry.py",
    ),
    Planted(
        "retry", "429 does not halve the places", "clientary_mcp/state/pace.py",
        "max(self._fewest, self._places.total_tokens // 2)", "self._places.total_tokens", "api/test_rate_limit.py",
    ),
    Planted(
        "retry", "a request that hangs keeps its place", "clientary_mcp/state/pace.py",
        "return min(_LONGEST_HELD, waiter.deadline / 8)", "return 3_600.0", "api/test_storms.py",
    ),
    Planted(
        "retry", "a body of any size is unpacked", f"{API}/bodies.py",
        "MOST_BYTES = 32 * 1024 * 1024", "MOST_BYTES = 64 * 1024 * 1024", "api/test_bodies.py",
    ),
    Planted(
        "write", "a success whose body is an error counts as done", f"{API}/http.py",
        "(error := error_in_body(method, response.status_code, sent)) is not None", "(error := None) is not None",
        "api/test_errors_in_success.py",
    ),
    Planted(
        "write", "408 counts as a refusal", f"{API}/status_errors.py",
        "status in (408, 499) or", "status in (499,) or", "api/test_status_errors.py api/test_retry.py",
    ),
    Planted(
        "write", "a create takes an old twin for its own record", f"{API}/evidence.py",
        "return (by_id or None) if made >= began - doubt else False", "return True", "resilience/test_lost_twins.py",
    ),
    Planted(
        "write", "two creates are given the same record", f"{API}/evidence.py",
        "if record.id in known:", "if False:", "resilience/test_lost_twins.py",
    ),
    Planted(
        "write", "a record that was there before a create is taken for its own", f"{API}/evidence.py",
        "if record.id in self.old or record.id < self.lowest_new:", "if record.id < 0:",
        "resilience/test_lost_evidence.py",
    ),
    Planted(
        "write", "an update in doubt is reported as not done", f"{API}/evidence.py",
        "old is not None and _unchanged(record, old, body) else None", "True else None",
        "resilience/test_lost_evidence.py",
    ),
    Planted(
        "write", "an update takes an earlier change for its own", f"{API}/evidence.py",
        "        if changed < began - doubt:", "        if False:",
        "resilience/test_lost_twins.py resilience/test_odd_clocks.py",
    ),
    Planted(
        "write", "a write that may still happen is reported as not done", f"{API}/reconcile.py",
        "if missing and lost.answered and not lost.may_still_happen:", "if missing:",
        "resilience/test_lost_answers.py resilience/test_lost_payments.py",
    ),
    Planted(
        "write", "a call that may have happened is made again", f"{API}/reconcile.py",
        "call.clock.wall() - earlier.since <= STILL_AT_WORK", "False", "api/test_earlier_calls.py",
    ),
    Planted(
        "write", "a field that Clientary emptied counts as kept", f"{API}/comparison.py",
        "    return present or", "    return", "tools/test_not_kept.py",
    ),
    Planted(
        "write", "nobody looks again for what comes seconds late", f"{API}/write_tracker.py",
        "MOSTLY_OVER = 6.0", "MOSTLY_OVER = 0.0", "resilience/test_late_effects.py",
    ),
    Planted(
        "write", "without a Date header no doubt is left about the clock", f"{API}/http.py",
        "timedelta(seconds=2), timedelta(minutes=5)", "timedelta(seconds=2), timedelta(seconds=2)",
        "resilience/test_odd_clocks.py",
    ),
    Planted(
        "write", "the time of Clientary's clock is not noted", f"{API}/http.py",
        "        self._note_time(response.headers.get(\"date\"))\n", "", "resilience/test_odd_clocks.py",
    ),
    Planted(
        "write", "a card is charged where nothing is owed", f"{TOOLS}/support/charging.py",
        "(balance < 0 or is_zero(balance, code))", "balance < 0", "tools/test_unusual.py",
    ),
    Planted(
        "write", "a cancelled invoice is charged", f"{TOOLS}/support/charging.py",
        'invoice.status in ("cancelled", "paid"):', 'invoice.status == "paid":', "tools/test_unusual.py",
    ),
    Planted(
        "write", "a payment above the balance is recorded without a word", f"{TOOLS}/payments.py",
        "> 0 and not is_zero(over, code):", "> 0 and False:", "tools/test_unusual.py",
    ),
    Planted(
        "write", "a pending payment is paid again", f"{TOOLS}/payments.py",
        "max(invoice.balance - pending, ZERO)", "max(invoice.balance, ZERO)", "tools/test_unusual.py",
    ),
    Planted(
        "write", "a payment finer than its currency is recorded", "clientary_mcp/accounting/money.py",
        "return amount != amount.quantize(", "return False and amount != amount.quantize(",
        "tools/test_fine_amounts.py",
    ),
    Planted(
        "write", "a tax applies to no line", f"{TOOLS}/support/taxed_lines.py",
        'line.model_copy(update={"taxable": True})', "line", "tools/test_taxed_lines.py",
    ),
    Planted(
        "paging", "records that come and go while a list is read are not noticed", f"{API}/write_tracker.py",
        "(changed > 0) + (gone > 0) > 1", "(changed > 0) + (gone > 0) > 2", "api/test_writes_while_reading.py",
    ),
    Planted(
        "paging", "an answer that was cut is called complete", "tool_schemas/base/results.py",
        '"complete": self.complete and not cut,', '"complete": self.complete,', "tool_schemas/base/test_results.py",
    ),
    Planted(
        "paging", "a list that counts something else on each page is not noticed", f"{API}/pagination.py",
        "self._recounted |= listing.total_count != self._about.total_count", "self._recounted |= False",
        "api/test_torn_lists.py api/test_pagination.py",
    ),
    Planted(
        "paging", "a list that ends within a page is called complete", f"{API}/streaming.py",
        "self.more = pages.more or (end is not None and place > end)", "self.more = pages.more",
        "api/test_pagination.py tools/support/test_lists.py",
    ),
    Planted(
        "paging", "a list of exactly one usual page is called whole", f"{API}/pagination.py",
        "_USUAL_PAGES = (10, 20, 30, 50, 100)", "_USUAL_PAGES = ()", "api/test_unstated_pages.py",
    ),
    Planted(
        "gate", "the question shows what it is about by doing it", f"{SERVER}/write_guard.py",
        'update={"confirm": False}', "update={}", "server/test_elicitation.py",
    ),
    Planted(
        "gate", "a form that was accepted unticked is a yes", f"{SERVER}/elicitation.py",
        ' and (reply.content or {}).get("agree") is True', "", "server/test_elicitation.py",
    ),
    Planted(
        "gate", "a record that changed while the user thought is changed all the same", f"{SERVER}/elicitation.py",
        "return None if latest.state == snapshot.state else", "return None if latest else",
        "server/test_elicitation.py",
    ),
    Planted(
        "gate", "one yes counts twice", f"{SERVER}/elicitation.py",
        ' or not await self._answered.first(asked["id"], ANSWER_WITHIN)', "", "server/test_answers_to_questions.py",
    ),
    Planted(
        "gate", "allow_duplicate changes nothing", f"{SERVER}/duplicates.py",
        "if not args.allow_duplicate:", "if True:", "state/test_recent.py",
    ),
    Planted(
        "quotas", "one more than the owner allows", "clientary_mcp/state/quotas.py",
        "if len(newest) >= most:", "if len(newest) > most:", "state/test_quotas.py",
    ),
    Planted(
        "quotas", "what took no effect counts", "clientary_mcp/state/quotas.py",
        'db.execute("DELETE FROM spent WHERE id = ?", (row,))', "pass", "state/test_quotas.py",
    ),
    Planted(
        "store", "a call that was sent is made again after a crash", "clientary_mcp/state/claims.py",
        'if state == "claimed":', 'if state in ("claimed", "sent"):', "state/test_claims.py",
    ),
    Planted(
        "store", "a call that was taken over is sent", "clientary_mcp/state/claims.py",
        "                    raise TakenOver\n", "                    return\n", "state/test_claims.py",
    ),
    Planted(
        "store", "a job whose turn was taken over goes on", "clientary_mcp/state/ledger.py",
        "< self._turns:", "< 0:", "state/test_several_processes.py",
    ),
    Planted(
        "quotas", "mails are not counted", f"{API}/http.py", 'resource == "messages"', 'resource == "message"',
        "state/test_quotas.py",
    ),
    Planted(
        "audit", "a full disk is not noticed before a write", f"{SERVER}/audit.py", ".free < _ENOUGH", ".free < 0",
        "server/test_audit_disk.py",
    ),
    Planted(
        "audit", "a write is sent before it is recorded", f"{SERVER}/write_guard.py",
        "entry.begin_write(method, path)", "pass", "server/test_audit_begun.py",
    ),
    Planted(
        "audit", "a line that the disk took in part stays torn", f"{SERVER}/audit.py",
        "os.ftruncate(file, os.fstat(file).st_size - written)", "pass", "server/test_audit_disk.py",
    ),
    Planted(
        "audit", "the trail holds secrets", f"{SERVER}/audit.py",
        "plain = self._secrets.outgoing(line)", "plain = line",
        "server/test_audit.py server/test_audit_before.py resilience/test_secrets.py",
    ),
    Planted(
        "toolsets", "read-only offers writes", f"{TOOLS}/toolsets.py",
        "if choice.read_only and not tool.effect.reads_only:", "if False:", "tools/test_toolsets.py",
    ),
    Planted(
        "toolsets", "one of a tool's effects is enough", f"{TOOLS}/toolsets.py",
        "tool.effect.kinds <= of_kinds)", "tool.effect.kinds & of_kinds)", "tools/test_toolsets.py",
    ),
    Planted(
        "not given", "an empty list is sent", "tool_schemas/base/models.py",
        'return value in ([], {}, "[]", "{}", [""], [None])', "return False",
        "tool_schemas/base/test_models.py tools/test_clearing.py",
    ),
    Planted(
        "not given", "0 is an id", "tool_schemas/base/models.py",
        'return bare is int and name.endswith("_id") and value == 0', 'return bare is int and value == "0"',
        "tool_schemas/base/test_models.py tools/test_clearing.py",
    ),
    Planted(
        "input", "1_5 is fifteen", "tool_schemas/base/argument_forms.py",
        "if not _WHOLE.fullmatch(given.strip()):", "if False:",
        "tool_schemas/base/test_types.py tools/test_argument_forms.py",
    ),
    Planted(
        "input", "a phone number of a table ends in .0", "tool_schemas/base/argument_forms.py",
        "whole + 0 if exact == whole else exact", "exact", "tool_schemas/base/test_argument_forms.py",
    ),
    Planted(
        "input", "what was taken out of a text is not told", "tool_schemas/base/argument_forms.py",
        "isinstance(info.context, list):", "False:", "tool_schemas/base/test_argument_forms.py",
    ),
    Planted(
        "input", "Null is no surname", "tool_schemas/base/argument_forms.py",
        "text.strip() in _NULLS:", 'text.strip().lower() in ("null", "undefined", "none", "nan"):',
        "tool_schemas/base/test_argument_forms.py",
    ),
    Planted(
        "input", "a part of an address is dropped", "tool_schemas/base/addresses.py",
        "return words if all(_is_address(word) for word in words) else [piece]",
        "return [word for word in words if _is_address(word)]", "tool_schemas/base/test_addresses.py",
    ),
    Planted(
        "input", "a figure that cannot be read is copied as 0", "tool_schemas/documents.py",
        "if getattr(self, name) is None]", "if False]", "tools/workflows/test_invoice_from_estimate.py",
    ),
    Planted(
        "write", "what Clientary shows otherwise is not told", f"{API}/differences.py",
        "not equal(name, there, meant):", "verdict is None:", "tools/test_not_kept.py",
    ),
    Planted(
        "rounding", "half a cent goes to the even one", "clientary_mcp/accounting/money.py",
        "Context(prec=1_000, rounding=ROUND_HALF_UP)", 'Context(prec=1_000, rounding="ROUND_HALF_EVEN")',
        "accounting/test_money.py",
    ),
    Planted(
        "rounding", "a compound tax is not taken on the first one", "clientary_mcp/accounting/money.py",
        "if rates.compound_tax else ZERO", "if False else ZERO", "accounting/test_money.py",
    ),
    Planted(
        "rounding", "a lost cent is not told", f"{TOOLS}/workflows/invoice_lines.py",
        "return of_lines - of_entries", "return ZERO", "tools/workflows/test_bill_project_hours.py",
    ),
    Planted(
        "report", "what is pending is owed", "clientary_mcp/accounting/invoices.py",
        "owed = balance - pending", "owed = balance", "accounting/test_invoices.py",
    ),
    Planted(
        "report", "drafts are added to what is invoiced", "clientary_mcp/accounting/totals.py",
        "self.add(code, _APART[stage], total_cost", "self.add(code, total_cost", "accounting/test_totals.py",
    ),
    Planted(
        "report", "an invoice 30 days late is in the next age", f"{TOOLS}/reports/receivables.py",
        "if days_overdue <= last)", "if days_overdue < last)", "tools/reports/test_receivables.py",
    ),
    Planted(
        "billing", "the work of a cancelled invoice stays marked", f"{TOOLS}/workflows/freed_work.py",
        "alone if is_marked", "shared if is_marked", "tools/workflows/test_freed_work.py",
    ),
    Planted(
        "billing", "the note of an invoice is cleared that was sent", f"{TOOLS}/workflows/billing_evidence.py",
        'invoice.status == "draft" and lists', "lists",
        "tools/workflows/test_billing_evidence.py",
    ),
    Planted(
        "report", "the first day of a range does not count", f"{TOOLS}/reports/unbilled_work.py",
        "(self.first or day) <= day <=", "(self.first or date.min) < day <=", "tools/reports/test_unbilled.py",
    ),
    Planted(
        "report", "paused schedules count", f"{TOOLS}/reports/recurring_revenue.py",
        "totals=_totals(found.active)", "totals=_totals(every)", "tools/reports/test_recurring_revenue.py",
    ),
    Planted(
        "report", "of two invoices of one day the older is the latest", f"{TOOLS}/reports/client_overview.py",
        "return record.date or date.min, record.id", "return record.date or date.min, -record.id",
        "tools/reports/test_client_overview.py",
    ),
    Planted(
        "report", "a project exactly at the threshold is not reported", f"{TOOLS}/reports/project_status.py",
        "used * 100 >= threshold", "used * 100 > threshold", "tools/reports/test_project_status.py",
    ),
    Planted(
        "report", "a balance exactly at min_balance is left out", f"{TOOLS}/invoices.py",
        "owed_of(record, today) < self._min_balance", "owed_of(record, today) <= self._min_balance",
        "tools/support/test_filters.py",
    ),
    Planted(
        "report", "another estimate's invoice is taken for this one's", f"{TOOLS}/workflows/invoice_from_estimate.py",
        "estimate.id in estimates_in(", "{} != estimates_in(", "tools/workflows/test_invoice_from_estimate.py",
    ),
    Planted(
        "renderer", "an outcome of any length is sent", "tool_schemas/base/results.py",
        "if len(as_text(cut)) <= most:", "if most:",
        "tool_schemas/base/test_results.py resilience/test_hostile.py",
    ),
    Planted(
        "renderer", "a cell that begins with a tab is sent as it is", f"{TOOLS}/support/spreadsheets.py",
        "value.startswith(_STARTS_A_FORMULA)", 'value.startswith(("=", "+", "-", "@"))',
        "tools/reports/test_export_tables.py",
    ),
    Planted(
        "renderer", "a preview does not say that it counts a part", f"{TOOLS}/support/previews.py",
        "if not page.complete:", "if False:", "tools/test_gates.py resilience/test_endless.py",
    ),
    Planted(
        "redaction", "a secret written in escapes is shown", "clientary_mcp/redaction.py",
        r'if b"\\" in content:', "if False:", "resilience/test_secrets.py",
    ),
    Planted(
        "redaction", "a secret of an earlier answer is shown", "clientary_mcp/redaction.py",
        "sorted(named | self._memory.within(content)", "sorted(named", "resilience/test_secrets.py",
    ),
    Planted(
        "redaction", "quotation marks of strangers end a quotation of ours", f"{API}/error_bodies.py",
        're.sub("[“”]", "", plain)', "plain", "api/test_status_errors.py resilience/test_hostile.py",
    ),
    Planted(
        "settings", "the token goes over http to any host", "clientary_mcp/settings/address.py",
        'url.scheme == "http" and is_loopback(host)', 'url.scheme == "http"', "test_settings.py",
    ),
    Planted(
        "reminders", "unreadable recipients are replaced by all contacts", f"{TOOLS}/workflows/reminder_recipients.py",
        "elif own.unreadable:", "elif False:", "tools/workflows/test_reminder_recipients.py",
    ),
    Planted(
        "reminders", "a mail adds up two currencies", f"{TOOLS}/workflows/reminder_mails.py",
        "return invoice.client_id, invoice.currency_code, frozenset", "return invoice.client_id, frozenset",
        "tools/workflows/test_reminder_mails.py",
    ),
    Planted(
        "reminders", "a mail tells others' invoices", f"{TOOLS}/workflows/reminder_mails.py",
        "frozenset(map(mailbox, reminder.to.addresses))", "frozenset()", "tools/workflows/test_reminder_mails.py",
    ),
    Planted(
        "reminders", "only the oldest invoice of a mail counts as reminded", f"{TOOLS}/workflows/reminder_mails.py",
        "for each in mail.reminders for address in to)", "for each in mail.reminders[:1] for address in to)",
        "tools/workflows/test_reminder_mails.py",
    ),
    Planted(
        "reminders", "what is pending is reminded of", f"{TOOLS}/workflows/reminder_mails.py",
        "return owed_of(self.invoice, self.today)", "return self.invoice.balance or ZERO",
        "tools/workflows/test_reminder_mails.py",
    ),
    Planted(
        "reminders", "payments are taken to be listed newest first", f"{TOOLS}/support/received.py",
        "if whole_page and in_order and newest and latest and latest < min(newest, since):",
        "if latest and latest < since:", "tools/workflows/test_reminder_mails.py",
    ),
    *FAULTS_OF_JOBS,
)  # fmt: skip
